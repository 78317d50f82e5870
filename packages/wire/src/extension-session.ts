// The extension protocol on one connection (BEP 10): ids, handshakes, and whose message is whose.
import { type BencodeInput, encode } from "@shoal/bencode";
import {
  type ExtendedHandshake,
  encodeExtendedHandshake,
  type OwnHandshake,
  parseExtendedHandshake,
} from "./extended-handshake.ts";
import type { TorrentExtension } from "./extension.ts";
import { ExtensionChannel, type ExtensionHost } from "./extension-channel.ts";

/** What an {@link ExtensionSession} asks of and tells to its connection. */
export interface ExtensionSessionHost extends ExtensionHost {
  /** `theirs` of the session has changed; extensions are told after this. */
  handshake?(theirs: ExtendedHandshake): void;
}

/** A torrent's part of an extension, with the name that it has on the wire. */
export interface AttachedExtension {
  readonly name: string;
  readonly extension: TorrentExtension;
}

/**
 * Speaks the extension protocol on one connection. Extensions can't disturb each other or the
 * connection: what one throws disables it here.
 *
 * The message `upload_only` (BEP 21), by which clients of libtorrent's family tell of changes, is
 * built in.
 */
export class ExtensionSession {
  readonly #host: ExtensionSessionHost;
  /** The channel at `i` has our id `FIRST_ID + i`. */
  readonly #channels: readonly ExtensionChannel[];
  #own: OwnHandshake;
  #theirs: ExtendedHandshake | undefined;
  #started = false;
  #sending = false;
  #closed = false;

  /**
   * Attaches the extensions to the connection; sends nothing.
   *
   * @throws RangeError if there are more than 254 of them.
   */
  constructor(
    host: ExtensionSessionHost,
    own: OwnHandshake,
    extensions: readonly AttachedExtension[],
  ) {
    if (extensions.length > MAX_EXTENSIONS) {
      throw new RangeError(`a connection has ids for ${MAX_EXTENSIONS} extensions at most`);
    }
    this.#host = host;
    this.#own = own;
    const link = {
      idOf: (name: string): number | undefined => this.#theirs?.messages.get(name),
      refresh: (): void => this.#sendHandshake(),
    };
    this.#channels = extensions.map(({ name }) => new ExtensionChannel(name, host, link));
    for (const [i, { extension }] of extensions.entries()) this.#channels[i]?.attach(extension);
  }

  /** Everything that the other side's handshakes have said; `undefined` before the first. */
  get theirs(): ExtendedHandshake | undefined {
    return this.#theirs;
  }

  /** Sends our handshake: call it once, right after the BitTorrent handshake. */
  start(): void {
    this.#started = true;
    this.#sendHandshake();
  }

  /**
   * Takes an `extended` message.
   *
   * @param id 0 for a handshake, else one of our ids; messages with others are ignored.
   * @param payload not kept.
   * @throws WireError `ERR_WIRE_EXTENDED_HANDSHAKE` if a handshake is malformed.
   */
  receive(id: number, payload: Uint8Array): void {
    if (this.#closed) return;
    if (id === 0) this.#changed(parseExtendedHandshake(payload, this.#theirs));
    else if (id === UPLOAD_ONLY_ID) this.#setUploadOnly(payload);
    else this.#channels[id - FIRST_ID]?.run((extension) => extension.message(payload));
  }

  /** Tells the other side, in the way it understands, whether we still download (BEP 21). */
  update({ uploadOnly }: { readonly uploadOnly: boolean }): void {
    if (uploadOnly === (this.#own.uploadOnly ?? false)) return;
    this.#own = { ...this.#own, uploadOnly };
    const id = this.#theirs?.messages.get(UPLOAD_ONLY);
    if (id === undefined) this.#sendHandshake();
    else if (!this.#closed) this.#host.send(id, Uint8Array.of(Number(uploadOnly)));
  }

  /** Ends every extension on this connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of this.#channels) channel.end();
  }

  #changed(theirs: ExtendedHandshake): void {
    this.#theirs = theirs;
    this.#host.handshake?.(theirs);
    for (const channel of this.#channels) channel.run((extension) => extension.handshake?.(theirs));
  }

  #setUploadOnly(payload: Uint8Array): void {
    if (this.#theirs === undefined || payload.length !== 1) return;
    this.#changed({ ...this.#theirs, uploadOnly: payload[0] !== 0 });
  }

  /** Always the whole of it: some clients take an extension that is not named again as withdrawn. */
  #sendHandshake(): void {
    if (!this.#started || this.#sending || this.#closed) return;
    this.#sending = true;
    const extra: Record<string, BencodeInput> = {};
    for (const channel of this.#channels) {
      channel.run((extension) => {
        const fields = extension.handshakeFields?.() ?? {};
        // Throws here, inside the fence, if the extension gives something that can't be encoded.
        encode(fields);
        Object.assign(extra, fields);
      });
    }
    this.#sending = false;
    this.#host.send(0, encodeExtendedHandshake(this.#own, this.#messages(), extra));
  }

  #messages(): Map<string, number> {
    const messages = new Map([[UPLOAD_ONLY, UPLOAD_ONLY_ID]]);
    for (const [i, { name, live }] of this.#channels.entries()) {
      messages.set(name, live ? FIRST_ID + i : 0);
    }
    return messages;
  }
}

const UPLOAD_ONLY = "upload_only";
const UPLOAD_ONLY_ID = 1;
/** Our id of the first extension. */
const FIRST_ID = 2;
const MAX_EXTENSIONS = 254;
