// Peer exchange on one connection: when it may be told something, and what it told us.
import type { ExtensionPeer, FoundPeer, PeerExtension } from "@shoal/wire";
import type { Intake } from "./intake.ts";
import { encodePex, type PexContact, PexFlag } from "./message.ts";
import type { Roster } from "./roster.ts";
import { Told } from "./told.ts";

/** Between messages to one peer, in ms (BEP 11). */
export const INTERVAL_MS = 60_000;

/** What a {@link Link} needs of its torrent. */
export interface LinkHost {
  now(): number;
  /** Whether peers may be taken from others at present. */
  readonly isPrivate: boolean;
  found(peers: readonly FoundPeer[]): void;
  /** Who is connected, or where they listen, has changed: there may be something to tell. */
  changed(): void;
  closed(link: Link): void;
}

/** See STATE.md. */
export class Link implements PeerExtension {
  readonly #host: LinkHost;
  readonly #peer: ExtensionPeer;
  readonly #intake: Intake;
  readonly #told = new Told();
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor(host: LinkHost, peer: ExtensionPeer, intake: Intake) {
    this.#host = host;
    this.#peer = peer;
    this.#intake = intake;
  }

  /** When it may next be told something, in ms; `Infinity` if it does not take part. */
  get dueAt(): number {
    return this.#peer.supported ? this.#dueAt : Number.POSITIVE_INFINITY;
  }

  handshake(): void {
    this.#host.changed();
  }

  message(payload: Uint8Array): void {
    if (this.#host.isPrivate) return;
    const peers = this.#intake.receive(payload, this.#host.now());
    if (peers.length > 0) this.#host.found(peers.map((peer) => this.#found(peer)));
  }

  close(): void {
    this.#host.closed(this);
  }

  /** Tells what is news to it, if it is its time. */
  tell({ members, listening }: Roster, now: number): void {
    if (this.dueAt > now) return;
    const { id, remote } = this.#peer;
    const message = this.#told.next({ id, endpoint: listening.get(id) ?? remote }, members);
    if (message === undefined) return;
    this.#dueAt = now + INTERVAL_MS;
    this.#peer.send(encodePex(message));
  }

  #found({ address, port, flags }: PexContact): FoundPeer {
    return {
      address,
      port,
      uploadOnly: (flags & PexFlag.UploadOnly) !== 0,
      encrypted: (flags & PexFlag.Encryption) !== 0,
      utp: (flags & PexFlag.Utp) !== 0,
      ...((flags & PexFlag.Holepunch) !== 0 ? { introducer: this.#peer.id } : {}),
    };
  }
}
