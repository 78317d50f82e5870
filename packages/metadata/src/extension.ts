// `ut_metadata` (BEP 9) as an extension: one part for each torrent, one for each connection.
import type { BencodeInput } from "@shoal/bencode";
import type {
  ExtendedHandshake,
  ExtensionPeer,
  ExtensionTorrent,
  PeerExtension,
  TorrentExtension,
  WireExtension,
} from "@shoal/wire";
import { Allowance } from "./allowance.ts";
import { MetadataError } from "./error.ts";
import { Fetch } from "./fetch.ts";
import { MAX_MESSAGE_LENGTH, parseMessage } from "./message.ts";
import { Server } from "./serve.ts";
import type { Source } from "./source.ts";

/** How metadata is exchanged. */
export interface MetadataOptions {
  /**
   * Larger info dictionaries are not fetched; what the torrent has is given whatever its size.
   * Bytes, at least 1. Default 31,457,280.
   */
  readonly maxSize?: number;
}

/**
 * Metadata exchange (BEP 9). A torrent that has no info dictionary gets it from its peers, as many
 * at once as there are; one that has it gives it to those that ask.
 *
 * @throws RangeError if `maxSize` is not a positive integer.
 */
export function metadataExtension(options: MetadataOptions = {}): WireExtension {
  const { maxSize = DEFAULT_MAX_SIZE } = options;
  if (!Number.isSafeInteger(maxSize) || maxSize < 1) {
    throw new RangeError(`maxSize must be an integer from 1, got ${maxSize}`);
  }
  return { name: "ut_metadata", attach: (torrent) => new MetadataExchange(torrent, maxSize) };
}

/** The largest info dictionary that libtorrent takes. */
const DEFAULT_MAX_SIZE = 31_457_280;

/** The extension at work for one torrent. */
class MetadataExchange implements TorrentExtension {
  readonly #torrent: ExtensionTorrent;
  /** Only where there is something to fetch: most torrents have it from the start. */
  readonly #fetch: Fetch | undefined;
  readonly #peers = new Set<ExtensionPeer>();

  constructor(torrent: ExtensionTorrent, maxSize: number) {
    this.#torrent = torrent;
    if (torrent.metadata() !== undefined) return;
    this.#fetch = new Fetch(torrent, maxSize, () => this.#announce());
  }

  attachPeer(peer: ExtensionPeer): PeerExtension {
    this.#peers.add(peer);
    const left = (): void => void this.#peers.delete(peer);
    return new MetadataPeer(this.#torrent, peer, this.#fetch, left);
  }

  close(): void {
    this.#fetch?.close();
  }

  /** Tells all that the info dictionary can be had here now. */
  #announce(): void {
    for (const peer of this.#peers) peer.refreshHandshake();
  }
}

/** The extension at work on one connection. */
class MetadataPeer implements PeerExtension {
  readonly #torrent: ExtensionTorrent;
  readonly #peer: ExtensionPeer;
  readonly #left: () => void;
  readonly #fetching: { readonly fetch: Fetch; readonly source: Source } | undefined;
  readonly #server: Server;
  /** What of no use it may send before the connection is closed. */
  readonly #patience: Allowance;
  #isClosed = false;

  constructor(
    torrent: ExtensionTorrent,
    peer: ExtensionPeer,
    fetch: Fetch | undefined,
    left: () => void,
  ) {
    this.#torrent = torrent;
    this.#peer = peer;
    this.#left = left;
    this.#fetching = fetch && { fetch, source: fetch.join(peer) };
    this.#server = new Server(torrent, peer);
    this.#patience = new Allowance(PATIENCE, PATIENCE_PER_MINUTE, torrent.now());
  }

  handshakeFields(): Readonly<Record<string, BencodeInput>> {
    const metadata = this.#torrent.metadata();
    return metadata === undefined ? {} : { metadata_size: metadata.length };
  }

  handshake({ metadataSize }: ExtendedHandshake): void {
    this.#fetching?.fetch.told(this.#fetching.source, metadataSize);
  }

  message(payload: Uint8Array): void {
    if (this.#isClosed) return;
    if (payload.length > MAX_MESSAGE_LENGTH) {
      this.#disconnect("ERR_METADATA_MESSAGE", `a message of ${payload.length} bytes`);
    } else if (!this.#take(payload) && !this.#patience.take(this.#torrent.now())) {
      this.#disconnect("ERR_METADATA_FLOOD", "too many that are refused or were not asked for");
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#left();
    this.#server.close();
    this.#fetching?.fetch.leave(this.#fetching.source);
  }

  /** @returns whether there is nothing to complain of. */
  #take(payload: Uint8Array): boolean {
    const message = parseMessage(payload);
    if (message === undefined) return true;
    if (message.type === "request") return this.#server.request(message.piece);
    if (this.#fetching === undefined) return false;
    const { fetch, source } = this.#fetching;
    const { piece } = message;
    if (message.type === "reject") return fetch.rejected(source, piece);
    return fetch.data(source, piece, message.totalSize, message.data);
  }

  #disconnect(code: "ERR_METADATA_MESSAGE" | "ERR_METADATA_FLOOD", got: string): void {
    this.close();
    this.#peer.disconnect(
      new MetadataError(code, `expected ut_metadata messages within bounds, got ${got}`),
    );
  }
}

/** Messages of no use that are put up with: at once, and then in a minute. */
const PATIENCE = 512;
const PATIENCE_PER_MINUTE = 300;
