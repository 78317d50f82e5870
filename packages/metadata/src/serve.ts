// Giving the info dictionary to one peer, as fast as it takes it and within what is fair.
import type { Alarm } from "@shoal/core";
import type { ExtensionPeer, ExtensionTorrent } from "@shoal/wire";
import { Allowance } from "./allowance.ts";
import { countPieces, encodeData, encodeReject } from "./message.ts";

/** Answers one peer's requests. */
export class Server {
  readonly #torrent: ExtensionTorrent;
  readonly #peer: ExtensionPeer;
  /** Pieces that are asked for and wait until the connection has sent what came before. */
  readonly #queue: number[] = [];
  #allowance: Allowance | undefined;
  #alarm: Alarm | undefined;

  constructor(torrent: ExtensionTorrent, peer: ExtensionPeer) {
    this.#torrent = torrent;
    this.#peer = peer;
  }

  /** Sends the piece, now or as soon as there is room, or rejects it. @returns whether it will be sent. */
  request(piece: number): boolean {
    const metadata = this.#torrent.metadata();
    const now = this.#torrent.now();
    if (metadata === undefined || !this.#accepts(piece, metadata, now)) {
      this.#peer.send(encodeReject(piece));
      return false;
    }
    this.#queue.push(piece);
    this.#pump(now);
    return true;
  }

  close(): void {
    this.#queue.length = 0;
    this.#alarm?.clear();
  }

  #accepts(piece: number, metadata: Uint8Array, now: number): boolean {
    const pieceCount = countPieces(metadata.length);
    const burst = pieceCount * BURST_COPIES + SPARE;
    if (piece >= pieceCount || this.#queue.length >= burst) return false;
    this.#allowance ??= new Allowance(burst, pieceCount + SPARE, now);
    return this.#allowance.take(now);
  }

  #pump(now: number): void {
    const metadata = this.#torrent.metadata();
    let sent = 0;
    while (metadata !== undefined && sent < this.#queue.length && this.#peer.backlog < BACKLOG) {
      this.#peer.send(encodeData(this.#queue[sent] ?? 0, metadata));
      sent++;
    }
    this.#queue.splice(0, sent);
    if (this.#queue.length === 0) return;
    this.#alarm ??= this.#torrent.alarm((at) => this.#pump(at));
    this.#alarm.setEarlier(now + POLL);
  }
}

/** Bytes that may wait on the connection before the queue does. */
const BACKLOG = 163_840;
/** Ms between looks whether the connection has room again. */
const POLL = 50;
/** How many copies a peer may have, or ask for, at once; later one a minute. */
const BURST_COPIES = 3;
/** Pieces on top of that, for small dictionaries. */
const SPARE = 16;
