// A torrent as web seeds see it: lanes that hand out blocks and check what is delivered.
import {
  BLOCK_SIZE,
  type BlockFacts,
  type BlockLane,
  type BlockLaneHandler,
  type ByteRun,
  blockIndex,
  pieceIndex,
} from "@shoal/core";
import type { TestTorrent } from "./torrent.ts";

/** A block: where it begins and how long it is. */
type Block = ByteRun & { readonly piece: number };

/** See the head of this file. */
export class TestSwarm implements BlockFacts {
  readonly infoHash: Uint8Array = Uint8Array.from({ length: 20 }, (_, i) => 13 * i);
  readonly infoBytes: Uint8Array;
  readonly geometry: BlockFacts["geometry"];
  readonly files: BlockFacts["files"];
  readonly isSingleFile: boolean;
  readonly webSeeds: readonly string[];
  readonly httpSeeds: readonly string[];
  readonly bytes: Uint8Array;
  readonly warnings: Error[] = [];
  /** All that were ever opened. */
  readonly lanes: TestLane[] = [];
  /** Resolves when nothing is wanted any more. */
  readonly complete: Promise<void>;
  /** Neither given to a lane nor delivered, in order. */
  readonly #wanted: Block[] = [];
  #missing: number;
  readonly #completed: () => void;

  constructor({ metainfo, bytes }: TestTorrent, urls: { web?: string[]; scripts?: string[] }) {
    this.infoBytes = metainfo.infoBytes;
    this.geometry = metainfo.geometry;
    this.files = metainfo.files;
    this.isSingleFile = metainfo.isSingleFile;
    this.webSeeds = urls.web ?? [];
    this.httpSeeds = urls.scripts ?? [];
    this.bytes = bytes;
    for (let i = 0; i < this.geometry.pieceCount; i++) {
      const piece = pieceIndex(i);
      for (let b = 0; b < this.geometry.blockCount(piece); b++) {
        const offset = this.geometry.pieceOffset(piece) + b * BLOCK_SIZE;
        const length = this.geometry.blockSize(piece, blockIndex(b));
        this.#wanted.push({ piece, offset, length });
      }
    }
    this.#missing = this.#wanted.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.complete = promise;
    this.#completed = resolve;
  }

  get codes(): string[] {
    return this.warnings.map((error) => ("code" in error ? String(error.code) : "none"));
  }

  get openLanes(): TestLane[] {
    return this.lanes.filter(({ isOpen }) => isOpen);
  }

  get isComplete(): boolean {
    return this.#missing === 0;
  }

  openLane(name: string, handler: BlockLaneHandler): TestLane {
    const lane = new TestLane(name, handler, this);
    this.lanes.push(lane);
    return lane;
  }

  warn(error: Error): void {
    this.warnings.push(error);
  }

  /** The next contiguous blocks whose pieces `has`. */
  take(maxBytes: number, has: (piece: number) => boolean): Block[] {
    const first = this.#wanted.findIndex(({ piece }) => has(piece));
    if (first < 0) return [];
    let count = 0;
    let end = this.#wanted[first]?.offset ?? 0;
    const limit = end + Math.max(maxBytes, BLOCK_SIZE);
    for (; ; count++) {
      const block = this.#wanted[first + count];
      if (block === undefined || block.offset !== end || !has(block.piece)) break;
      if (block.offset + block.length > limit) break;
      end += block.length;
    }
    return this.#wanted.splice(first, count);
  }

  giveBack(blocks: readonly Block[]): void {
    if (blocks.length === 0) return;
    this.#wanted.push(...blocks);
    this.#wanted.sort((a, b) => a.offset - b.offset);
    queueMicrotask(() => {
      for (const lane of this.openLanes) lane.wake();
    });
  }

  delivered(): void {
    if (--this.#missing === 0) this.#completed();
  }
}

/** A lane that throws on every wrong byte, so that the test fails. */
export class TestLane implements BlockLane {
  readonly name: string;
  readonly handler: BlockLaneHandler;
  isOpen = true;
  /** What `deliver` returns. */
  isReady = true;
  /** Bytes that were delivered. */
  total = 0;
  readonly lacking: Set<number> = new Set();
  /** What was taken, in order. */
  readonly runs: ByteRun[] = [];
  readonly #swarm: TestSwarm;
  #taken: Block[] = [];
  /** Bytes of the first block that are there. */
  #done = 0;
  #isIdle = false;
  #isStalled = false;

  constructor(name: string, handler: BlockLaneHandler, swarm: TestSwarm) {
    this.name = name;
    this.handler = handler;
    this.#swarm = swarm;
  }

  take(maxBytes: number): ByteRun | undefined {
    this.#mustBeOpen();
    const blocks = this.#swarm.take(maxBytes, (piece) => !this.lacking.has(piece));
    const [first] = blocks;
    this.#isIdle = first === undefined;
    if (first === undefined) return undefined;
    this.#taken.push(...blocks);
    const run = {
      offset: first.offset,
      length: blocks.reduce((sum, { length }) => sum + length, 0),
    };
    this.runs.push(run);
    return run;
  }

  deliver(chunk: Uint8Array): boolean {
    this.#mustBeOpen();
    if (this.#isStalled) throw new Error("delivered while the lane was not drained");
    for (let at = 0; at < chunk.length; ) {
      const block = this.#taken[0];
      if (block === undefined) throw new Error("delivered more than was taken");
      const size = Math.min(chunk.length - at, block.length - this.#done);
      const begin = block.offset + this.#done;
      const expected = this.#swarm.bytes.subarray(begin, begin + size);
      if (Buffer.compare(expected, chunk.subarray(at, at + size)) !== 0) {
        throw new Error(`wrong bytes in ${begin}–${begin + size - 1}`);
      }
      at += size;
      this.#done += size;
      this.total += size;
      if (this.#done < block.length) break;
      this.#done = 0;
      this.#taken.shift();
      this.#swarm.delivered();
    }
    this.#isStalled = !this.isReady;
    return this.isReady;
  }

  release(): void {
    this.#mustBeOpen();
    const taken = this.#taken;
    this.#taken = [];
    this.#done = 0;
    this.#swarm.giveBack(taken);
  }

  lacks({ offset, length }: ByteRun): void {
    this.#mustBeOpen();
    const { pieceLength } = this.#swarm.geometry;
    const last = Math.floor((offset + length - 1) / pieceLength);
    for (let i = Math.floor(offset / pieceLength); i <= last; i++) this.lacking.add(i);
  }

  close(): void {
    this.release();
    this.isOpen = false;
  }

  wake(): void {
    if (!this.#isIdle) return;
    this.#isIdle = false;
    this.handler.wanted();
  }

  drain(): void {
    this.isReady = true;
    this.#isStalled = false;
    this.handler.drained();
  }

  /** As after a hash that failed. */
  ban(): void {
    this.close();
    this.handler.banned(new Error("piece 0 failed"));
  }

  #mustBeOpen(): void {
    if (!this.isOpen) throw new Error("called after close");
  }
}
