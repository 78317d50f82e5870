// The picker against a naive model that keeps a set for everything and looks at everything.
import { ok } from "node:assert/strict";
import {
  Bitfield,
  type BlockIndex,
  createRng,
  PieceGeometry,
  type PieceIndex,
  type Rng,
  randomInt,
} from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockList, type PickingPeer, PiecePicker } from "./index.ts";

interface ModelBlock {
  source: number;
  requesters: Set<number>;
}

interface TestPeer extends PickingPeer {
  snubbed: boolean;
  onParole: boolean;
}

const IDS = 5;
const INITIAL_RANDOM = 2;

/** A picker with its model; every method does the same to both and compares what they say. */
class Pair {
  readonly geometry: PieceGeometry;
  readonly picker: PiecePicker;
  readonly peers = new Map<number, TestPeer>();
  readonly have = new Set<number>();
  readonly priorities: number[];
  readonly blocks: ModelBlock[][];
  /** Who touched each piece since it was begun; −1 for whoever is gone. */
  readonly touched: Set<number>[];
  readonly out = new BlockList();
  urgent: number[] = [];

  constructor(pieces: number, rng: Rng) {
    // Three blocks to a piece; the last has one and a bit.
    this.geometry = new PieceGeometry(pieces * 49_152 - 20_000, 49_152);
    this.picker = new PiecePicker({
      geometry: this.geometry,
      rng,
      initialRandomPieces: INITIAL_RANDOM,
    });
    this.priorities = Array.from({ length: pieces }, () => 4);
    this.blocks = this.priorities.map((_, p) => this.#fresh(p));
    this.touched = this.priorities.map(() => new Set());
  }

  #fresh(piece: number): ModelBlock[] {
    return Array.from({ length: this.geometry.blockCount(piece as PieceIndex) }, () => ({
      source: -1,
      requesters: new Set<number>(),
    }));
  }

  wants(piece: number): boolean {
    return !this.have.has(piece) && (this.priorities[piece] ?? 0) > 0;
  }

  isOpen(block: ModelBlock): boolean {
    return block.source < 0 && block.requesters.size === 0;
  }

  begun(piece: number): boolean {
    return this.blocks[piece]?.some((block) => !this.isOpen(block)) ?? false;
  }

  /** A piece without any requested or received block is as if it had never been begun. */
  #settle(piece: number): void {
    if (!this.begun(piece)) this.touched[piece]?.clear();
  }

  availability(piece: number): number {
    return [...this.peers.values()].filter((peer) => peer.have.has(piece)).length;
  }

  requestsOf(id: number): number {
    return this.blocks.flat().filter((block) => block.requesters.has(id)).length;
  }

  // --- peers ---

  join(id: number, pieces: readonly number[], seed: boolean): void {
    if (this.peers.has(id)) return;
    const have = seed
      ? Bitfield.full(this.geometry.pieceCount)
      : new Bitfield(this.geometry.pieceCount);
    for (const piece of pieces) have.add(piece);
    const peer: TestPeer = { id, have, snubbed: false, onParole: false };
    this.peers.set(id, peer);
    this.picker.peerBitfield(peer);
  }

  gain(peer: TestPeer, piece: number): void {
    if (peer.have.add(piece)) this.picker.peerHas(peer, piece as PieceIndex);
  }

  lose(peer: TestPeer, piece: number): void {
    if (peer.have.delete(piece)) this.picker.peerLost(peer, piece as PieceIndex);
  }

  leave(peer: TestPeer): void {
    this.picker.peerGone(peer);
    this.peers.delete(peer.id);
    for (const [piece, blocks] of this.blocks.entries()) {
      for (const block of blocks) block.requesters.delete(peer.id);
      if (this.touched[piece]?.delete(peer.id)) this.touched[piece]?.add(-1);
      this.#settle(piece);
    }
  }

  // --- blocks ---

  pick(peer: TestPeer, count: number, contiguous: number, mask: Bitfield | undefined): void {
    const idle = this.requestsOf(peer.id) === 0;
    const usable = (p: number) => this.wants(p) && peer.have.has(p) && (mask?.has(p) ?? true);
    const own = (p: number) => [...(this.touched[p] ?? [])].every((id) => id === peer.id);
    const eligible = (p: number) => usable(p) && (!peer.onParole || own(p));
    const all = this.blocks.map((_, p) => p);
    const openBlocks = all
      .filter(eligible)
      .reduce((sum, p) => sum + (this.blocks[p]?.filter((b) => this.isOpen(b)).length ?? 0), 0);
    const unopened = all.filter((p) => this.wants(p) && !this.begun(p));
    const anyToBegin = unopened.some((p) => this.availability(p) > 0);
    const starting = this.have.size < INITIAL_RANDOM;
    const partial = all.filter((p) => this.wants(p) && this.begun(p));
    const open = partial.filter((p) => this.blocks[p]?.some((b) => this.isOpen(b)));
    const crowded = open.length > 1.5 * this.peers.size;

    this.out.clear();
    this.picker.pick(peer, count, contiguous, mask, this.out);

    const begun: number[] = [];
    const ended = openBlocks === 0 && this.out.length > 0;
    if (ended) {
      ok(idle && !anyToBegin && !peer.onParole && mask === undefined);
      expect(this.out.length).toBe(1);
    } else {
      // Complete: it finds whatever is open for this peer, however it looks for it.
      expect(this.out.length).toBe(Math.min(Math.max(count, 0), openBlocks));
    }
    for (let i = 0; i < this.out.length; i++) {
      const piece = this.out.piece(i);
      const block = this.blocks[piece]?.[this.out.block(i)];
      ok(block);
      ok(eligible(piece));
      ok(block.source === -1);
      ok(!block.requesters.has(peer.id));
      ok(block.requesters.size > 0 === ended);
      if (ended) {
        const rivals = this.blocks[piece]?.filter(
          (b) => b.source < 0 && !b.requesters.has(peer.id),
        );
        const fewest = Math.min(...(rivals ?? []).map((b) => b.requesters.size));
        expect(block.requesters.size).toBe(fewest);
      }
      if (!this.begun(piece)) begun.push(piece);
      block.requesters.add(peer.id);
      this.touched[piece]?.add(peer.id);
    }
    if (!ended && count > 0 && openBlocks === 0 && idle && !anyToBegin && !peer.onParole && !mask) {
      // End-game finds a busy block if there is one.
      const busy = all
        .filter(usable)
        .flatMap((p) => this.blocks[p] ?? [])
        .filter((b) => b.source < 0 && b.requesters.size > 0);
      expect(busy).toEqual([]);
    }
    const left = unopened.filter((p) => usable(p) && !this.begun(p));
    for (let i = 0; i < this.out.length && !crowded; i++) {
      // Priorities come before finishing what was begun.
      const piece = this.out.piece(i);
      if (this.urgent.includes(piece)) continue;
      for (const p of left) {
        ok((this.priorities[p] ?? 0) <= (this.priorities[piece] ?? 0));
      }
    }
    this.#checkOrder(peer, begun, unopened.filter(usable), contiguous > 0, starting, mask);
  }

  /** What was begun is the best of what could have been. */
  #checkOrder(
    peer: TestPeer,
    begun: readonly number[],
    unopened: readonly number[],
    inRuns: boolean,
    starting: boolean,
    mask: Bitfield | undefined,
  ): void {
    const passed = new Set(begun);
    const left = unopened.filter((p) => !passed.has(p) && !this.begun(p));
    for (const piece of begun) {
      if (this.urgent.includes(piece)) continue;
      const priority = this.priorities[piece] ?? 0;
      for (const other of left) {
        ok((this.priorities[other] ?? 0) <= priority);
        if (this.priorities[other] !== priority || inRuns || starting) continue;
        if (this.picker.sequential && !peer.snubbed) {
          ok(other > piece);
        } else if (peer.snubbed) {
          ok(this.availability(other) <= this.availability(piece));
        } else {
          ok(this.availability(other) >= this.availability(piece));
        }
      }
    }
    if (left.some((p) => this.urgent.includes(p)) && !peer.snubbed && !mask) {
      for (const piece of begun) expect(this.urgent).toContain(piece);
    }
  }

  receive(id: number, piece: number, at: number): void {
    const block = this.blocks[piece]?.[at];
    const wanted =
      block !== undefined && block.source < 0 && (this.wants(piece) || this.begun(piece));
    expect(this.picker.isWanted(piece as PieceIndex, at as BlockIndex)).toBe(
      wanted && !this.have.has(piece),
    );
    const source = 100 + id;
    const result = this.picker.received(id, piece as PieceIndex, at as BlockIndex, source);
    if (wanted) {
      block.source = source;
      this.touched[piece]?.add(id);
    }
    block?.requesters.delete(id);
    const complete = this.blocks[piece]?.every((b) => b.source >= 0) ?? false;
    expect(result).toBe(wanted ? (complete ? "complete" : "new") : "unwanted");
  }

  abandon(id: number, piece: number, at: number): void {
    this.picker.abandoned(id, piece as PieceIndex, at as BlockIndex);
    this.blocks[piece]?.[at]?.requesters.delete(id);
    this.#settle(piece);
  }

  // --- pieces ---

  store(piece: number): void {
    this.picker.stored(piece as PieceIndex);
    this.have.add(piece);
    this.blocks[piece] = this.#fresh(piece);
    this.touched[piece]?.clear();
  }

  fail(piece: number): void {
    const blocks = this.blocks[piece] ?? [];
    const blame = this.picker.failed(piece as PieceIndex);
    expect(blame).toEqual(this.begun(piece) ? blocks.map((b) => b.source) : []);
    this.#drop(piece);
  }

  lose_(piece: number): void {
    this.picker.lost(piece as PieceIndex);
    this.have.delete(piece);
    this.#drop(piece);
  }

  #drop(piece: number): void {
    for (const block of this.blocks[piece] ?? []) block.source = -1;
    if (this.begun(piece)) this.touched[piece]?.add(-1);
    this.#settle(piece);
  }

  prioritise(piece: number, priority: number): void {
    this.picker.setPriority(piece as PieceIndex, priority);
    this.priorities[piece] = priority;
  }

  // --- comparing ---

  compare(): void {
    const all = this.priorities.map((_, p) => p as PieceIndex);
    expect([...this.picker.have]).toEqual(all.filter((p) => this.have.has(p)));
    expect([...this.picker.wanted]).toEqual(all.filter((p) => this.wants(p)));
    expect(this.picker.wantedLeft).toBe(all.filter((p) => this.wants(p)).length);
    expect(this.picker.isFinished).toBe(!all.some((p) => this.wants(p)));
    const inProgress = [...this.picker.partialPieces()].toSorted((a, b) => a.piece - b.piece);
    expect(inProgress.map(({ piece }) => piece)).toEqual(all.filter((p) => this.begun(p)));
    expect(this.picker.partialCount).toBe(inProgress.length);
    for (const partial of inProgress) {
      const blocks = this.blocks[partial.piece] ?? [];
      const received = [...blocks.keys()].filter((b) => (blocks[b]?.source ?? -1) >= 0);
      expect([...partial.received]).toEqual(received);
      expect(partial.hashing).toBe(received.length === blocks.length);
      expect(partial.requested).toBe(
        blocks.filter((b) => b.source < 0 && b.requesters.size > 0).length,
      );
      expect(this.picker.contributors(partial.piece)).toEqual(blocks.map((b) => b.source));
    }
    for (const piece of all) {
      ok(this.picker.availability(piece) === this.availability(piece));
      ok(this.picker.priority(piece) === this.priorities[piece]);
      for (const [at, block] of (this.blocks[piece] ?? []).entries()) {
        const others = new Set<number>();
        this.picker.otherRequesters(piece, at as BlockIndex, 0, (id) => others.add(id));
        ok([...others].every((id) => id !== 0 && block.requesters.has(id)));
        ok(others.size === block.requesters.size - (block.requesters.has(0) ? 1 : 0));
        ok(this.picker.isRequestedBy(0, piece, at as BlockIndex) === block.requesters.has(0));
      }
    }
    for (const peer of this.peers.values()) {
      const interesting = all.some((p) => this.wants(p) && peer.have.has(p));
      expect(this.picker.isInteresting(peer)).toBe(interesting);
      expect(this.picker.requestsOf(peer.id)).toBe(this.requestsOf(peer.id));
    }
    const copies = all.map((p) => this.availability(p) + (this.have.has(p) ? 1 : 0));
    const lowest = Math.min(...copies);
    const above = copies.filter((n) => n > lowest).length / copies.length;
    expect(this.picker.distributedCopies).toBeCloseTo(lowest + above);
    this.picker.checkInvariants();
  }
}

/** Does one random thing. The weights make requests pile up, pieces complete, and end-game happen. */
function step(pair: Pair, rng: Rng): void {
  const pieces = pair.geometry.pieceCount;
  const piece = randomInt(rng, pieces);
  const id = randomInt(rng, IDS);
  const peer = pair.peers.get(id);
  const roll = randomInt(rng, 100);
  if (roll < 6) {
    const some = pair.priorities.map((_, p) => p).filter(() => rng() < 0.5);
    pair.join(id, some, rng() < 0.3);
  } else if (roll < 10) {
    if (peer) pair.leave(peer);
  } else if (roll < 16) {
    if (peer) pair.gain(peer, piece);
  } else if (roll < 17) {
    if (peer) pair.lose(peer, piece);
  } else if (roll < 19) {
    if (peer) peer.snubbed = !peer.snubbed;
  } else if (roll < 21) {
    if (peer) peer.onParole = !peer.onParole;
  } else if (roll < 24) {
    pair.prioritise(piece, randomInt(rng, 8));
  } else if (roll < 25) {
    pair.picker.sequential = rng() < 0.3;
  } else if (roll < 27) {
    pair.urgent = [piece, randomInt(rng, pieces)].slice(0, randomInt(rng, 3));
    pair.picker.setUrgent(pair.urgent as PieceIndex[]);
  } else if (roll < 50) {
    const mask = new Bitfield(pieces);
    for (let i = 0; i < 3; i++) mask.add(randomInt(rng, pieces));
    const fast = [0, 0, 3, 7][randomInt(rng, 4)] ?? 0;
    if (peer) pair.pick(peer, randomInt(rng, 9), fast, rng() < 0.1 ? mask : undefined);
  } else if (roll < 72) {
    const asked = requested(pair, id);
    const block = asked[randomInt(rng, asked.length)];
    if (block) pair.receive(id, block.piece, block.at);
  } else if (roll < 74) {
    if (peer) pair.receive(id, piece, randomInt(rng, 4));
  } else if (roll < 80) {
    const asked = requested(pair, id);
    const block = asked[randomInt(rng, asked.length)] ?? { piece, at: randomInt(rng, 4) };
    pair.abandon(id, block.piece, block.at);
  } else if (roll < 92) {
    for (const { piece: whole, hashing } of [...pair.picker.partialPieces()]) {
      if (!hashing) continue;
      if (rng() < 0.7) pair.store(whole);
      else pair.fail(whole);
    }
  } else if (roll < 93) {
    pair.store(piece);
  } else if (roll < 94) {
    pair.fail(piece);
  } else if (roll < 96) {
    pair.lose_(piece);
  } else {
    pair.compare();
  }
}

function requested(pair: Pair, id: number): { piece: number; at: number }[] {
  return pair.blocks.flatMap((blocks, piece) =>
    [...blocks.keys()].filter((at) => blocks[at]?.requesters.has(id)).map((at) => ({ piece, at })),
  );
}

describe("PiecePicker", () => {
  it("does what a naive picker does, whatever happens", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        fc.integer({ min: 1, max: 300 }),
        (pieces, seed, steps) => {
          const rng = createRng(seed);
          const pair = new Pair(pieces, createRng(seed + 1));
          for (let i = 0; i < steps; i++) step(pair, rng);
          pair.compare();
        },
      ),
      { numRuns: 600 },
    );
  });

  it("does so for torrents where sets are counted in bulk", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const rng = createRng(seed);
        const pair = new Pair(700, createRng(seed + 1));
        for (let i = 0; i < 80; i++) step(pair, rng);
        pair.compare();
      }),
      { numRuns: 6 },
    );
  });
});
