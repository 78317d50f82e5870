// What peers ask of a disk layer, in four kinds of swarms: seeded, the same in every run.
import { createRng, type Rng } from "@shoal/core";

/** A block that a peer reads, or one that arrives. */
export interface Step {
  readonly kind: "read" | "write";
  readonly peer: number;
  readonly piece: number;
  readonly block: number;
}

/** What happens, in order, to one torrent. */
export interface Trace {
  readonly name: string;
  /** Blocks in a piece. */
  readonly blocks: number;
  readonly pieces: number;
  readonly steps: () => Iterable<Step>;
}

/** Every trace serves, or takes, about 1 GiB. */
const STEPS = 65_536;

/** All of them. */
export const TRACES: readonly Trace[] = [
  { name: "sequential stream", blocks: 64, pieces: 1024, steps: stream },
  { name: "50 random leechers", blocks: 128, pieces: 256, steps: () => leechers(256, 128) },
  { name: "mixed read and write", blocks: 64, pieces: 1024, steps: mixed },
  { name: "download, 50 peers", blocks: 256, pieces: 400, steps: download },
  { name: "cold seed, 50 peers", blocks: 256, pieces: 2048, steps: () => leechers(2048, 256) },
];

/** A player reads from the start; another one follows 16 MiB later. */
function* stream(): Generator<Step> {
  const lag = 1024;
  for (let at = 0; at < STEPS / 2 + lag; at++) {
    if (at < STEPS / 2) yield read(0, at, 64);
    if (at >= lag) yield read(1, at - lag, 64);
  }
}

/** Peers read whole pieces in random order, each the blocks of a piece in theirs. */
function* leechers(pieces: number, blocks: number): Generator<Step> {
  const rng = createRng(50);
  const peers = Array.from({ length: 50 }, (_, peer) => new Leecher(peer, rng));
  for (let step = 0; step < STEPS; ) {
    const peer = peers[below(rng, peers.length)];
    for (let burst = below(rng, 8); burst >= 0 && peer !== undefined; burst--, step++) {
      yield peer.next(() => below(rng, pieces), blocks);
    }
  }
}

/**
 * A torrent is downloaded from 10 peers, each with a piece of its own; 30 peers read what is there,
 * mostly pieces that came lately, and one reads everything in order.
 */
function* mixed(): Generator<Step> {
  const rng = createRng(30);
  const readers = Array.from({ length: 30 }, (_, peer) => new Leecher(peer, rng));
  const writers = Array.from({ length: 10 }, (_, n) => ({ piece: n, block: 0 }));
  const had: number[] = [];
  let next = writers.length;
  let scanned = 0;
  const choose = (): number => {
    const recent = Math.floor(had.length * rng() ** 4);
    return had[had.length - 1 - recent] ?? 0;
  };
  for (let step = 0; step < STEPS; ) {
    const writer = writers[below(rng, writers.length)];
    for (let burst = 0; burst < 4 && writer !== undefined; burst++, step++) {
      yield { kind: "write", peer: 0, ...writer };
      if (++writer.block < 64) continue;
      had.push(writer.piece);
      writer.piece = next++;
      writer.block = 0;
    }
    if (had.length < 10) continue;
    const reader = readers[below(rng, readers.length)];
    for (let burst = 0; burst < 4 && reader !== undefined; burst++, step++) {
      yield reader.next(choose, 64);
    }
    const piece = had[Math.floor(scanned / 64)];
    if (piece === undefined) continue;
    yield { kind: "read", peer: 99, piece, block: scanned % 64 };
    scanned++;
    step++;
  }
}

/** A torrent is downloaded from 50 peers, fast and slow ones, each with a piece of its own. */
function* download(): Generator<Step> {
  const rng = createRng(20);
  const writers = Array.from({ length: 50 }, (_, n) => ({ piece: n, block: 0 }));
  let next = writers.length;
  for (let step = 0; step < STEPS; ) {
    const writer = writers[Math.floor(writers.length * rng() ** 2)];
    for (let burst = 0; burst < 4 && writer !== undefined; burst++, step++) {
      yield { kind: "write", peer: 0, ...writer };
      if (++writer.block < 256) continue;
      writer.piece = next++;
      writer.block = 0;
    }
  }
}

/** Reads pieces from their first block to their last. */
class Leecher {
  readonly #peer: number;
  #piece = -1;
  #block: number;

  constructor(peer: number, rng: Rng) {
    this.#peer = peer;
    this.#block = below(rng, 64);
  }

  next(choose: () => number, blocks: number): Step {
    if (this.#piece < 0) this.#piece = choose();
    if (this.#block >= blocks) {
      this.#piece = choose();
      this.#block = 0;
    }
    return { kind: "read", peer: this.#peer, piece: this.#piece, block: this.#block++ };
  }
}

function read(peer: number, at: number, blocks: number): Step {
  return { kind: "read", peer, piece: Math.floor(at / blocks), block: at % blocks };
}

function below(rng: Rng, bound: number): number {
  return Math.floor(rng() * bound);
}
