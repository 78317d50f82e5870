// Cache policies compared: traces replayed on a whole disk layer whose store has no bytes.
import { createHash } from "node:crypto";
import { BLOCK_SIZE, blockIndex, PieceGeometry, pieceIndex } from "@shoal/core";
import {
  arc,
  type CachePolicyFactory,
  createDiskIo,
  type DiskIo,
  type DiskTorrent,
  lru,
  NO_SLOT,
  type PolicyPiece,
  type StoreFactory,
} from "@shoal/disk-io";
import { TRACES, type Trace } from "./traces.ts";

const MIB = 2 ** 20;
const CACHE = 64 * MIB;

/** Reads only what is asked for, and has next to no cache. */
const none: CachePolicyFactory = <P extends PolicyPiece>(slots: number) => {
  const policy = lru()<P>(slots);
  policy.readAhead = () => 1;
  return policy;
};

const POLICIES: readonly (readonly [string, number, CachePolicyFactory])[] = [
  ["no cache", 0, none],
  ["lru", CACHE, lru()],
  ["arc", CACHE, arc()],
];

/** Prints a table of all policies on all traces. */
export async function comparePolicies(): Promise<void> {
  console.log("\n| trace | policy | hit rate | reads/MiB | MiB read/MiB | wasted | writes/MiB |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const trace of TRACES) {
    for (const [name, cacheSize, policy] of POLICIES) {
      console.log(`| ${trace.name} | ${name} | ${await replay(trace, cacheSize, policy)} |`);
    }
  }
}

async function replay(
  trace: Trace,
  cacheSize: number,
  policy: CachePolicyFactory,
): Promise<string> {
  const io = createDiskIo({ cacheSize, policy, threads: 0 });
  const player = await Player.open(trace, io);
  for (const { kind, peer, piece, block } of trace.steps()) {
    if (kind === "read") await player.read(peer, piece, block);
    else await player.write(piece, block);
  }
  await player.end();
  const stats = io.stats();
  const moved = stats.readHits * BLOCK_SIZE + stats.bytesWritten;
  const cells = [
    percent(stats.readHits - stats.readMisses, stats.readHits),
    (stats.reads / (moved / MIB)).toFixed(2),
    (stats.bytesRead / moved).toFixed(2),
    percent(stats.readAheadWasted, stats.readAheadUsed + stats.readAheadWasted),
    stats.writes === 0 ? "–" : (stats.writes / (stats.bytesWritten / MIB)).toFixed(2),
  ];
  await io.close();
  return cells.join(" | ");
}

/** Does a trace's steps, each when the one before is done. */
class Player {
  readonly #io: DiskIo;
  readonly #torrent: DiskTorrent;
  readonly #blocks: number;
  readonly #came = new Map<number, number>();
  readonly #wake: { up: () => void };

  constructor(io: DiskIo, torrent: DiskTorrent, blocks: number, wake: { up: () => void }) {
    this.#io = io;
    this.#torrent = torrent;
    this.#blocks = blocks;
    this.#wake = wake;
  }

  static async open({ blocks, pieces }: Trace, io: DiskIo): Promise<Player> {
    const pieceLength = blocks * BLOCK_SIZE;
    const totalLength = pieces * pieceLength;
    const digest = createHash("sha1").update(Buffer.alloc(pieceLength)).digest();
    const pieceHashes = new Uint8Array(pieces * 20);
    for (let piece = 0; piece < pieces; piece++) pieceHashes.set(digest, piece * 20);
    const wake = { up: (): void => {} };
    const torrent = await io.open({
      geometry: new PieceGeometry(totalLength, pieceLength),
      pieceHashes,
      layout: { id: "trace", pieceLength, totalLength, files: [] },
      store: emptyStore,
      handler: {
        pieceStored: () => {},
        pieceFailed: (piece) => fail(new Error(`piece ${piece} is wrong`)),
        blocksRead: () => wake.up(),
        readFailed: (_, error) => fail(error),
        writeFailed: fail,
      },
    });
    return new Player(io, torrent, blocks, wake);
  }

  async read(peer: number, piece: number, block: number): Promise<void> {
    for (;;) {
      const slot = this.#torrent.pin(pieceIndex(piece), blockIndex(block), peer);
      if (slot !== NO_SLOT) {
        this.#torrent.unpin(slot);
        return;
      }
      await this.#woken();
    }
  }

  async write(piece: number, block: number): Promise<void> {
    let slot = NO_SLOT;
    for (;;) {
      slot = this.#io.congested
        ? NO_SLOT
        : this.#torrent.allocate(pieceIndex(piece), blockIndex(block));
      if (slot !== NO_SLOT) break;
      await turn();
    }
    this.#torrent.put(pieceIndex(piece), blockIndex(block), slot);
    const came = (this.#came.get(piece) ?? 0) + 1;
    this.#came.set(piece, came);
    if (came === this.#blocks) this.#torrent.complete(pieceIndex(piece));
    // Let the disk keep up: traces say who comes when, not how slow the disk is.
    await turn();
  }

  async end(): Promise<void> {
    await this.#torrent.flush();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.up = resolve;
    });
  }
}

/** Zeros wherever it is read. */
const emptyStore: StoreFactory = {
  open: () => ({
    read: (_piece, _begin, into) => into.reduce((sum, view) => sum + view.fill(0).length, 0),
    write: () => {},
    flush: () => {},
    close: () => {},
  }),
};

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
}

function fail(error: Error): never {
  throw error;
}
