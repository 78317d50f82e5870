// A naive picker that keeps a set for everything and looks at everything, beside the real one.
import { ok } from "node:assert/strict";
import { Bitfield, type BlockIndex, PieceGeometry, type PieceIndex, type Rng } from "@shoal/core";
import { expect } from "vitest";
import { BlockList, type PickingPeer, PiecePicker } from "../src/index.ts";

export interface ModelBlock {
  source: number;
  requesters: Set<number>;
}

export interface TestPeer extends PickingPeer {
  snubbed: boolean;
  onParole: boolean;
}

const INITIAL_RANDOM = 2;

/** A picker with its model; every method does the same to both and compares what they say. */
export class Pair {
  readonly geometry: PieceGeometry;
  readonly picker: PiecePicker;
  readonly peers: Map<number, TestPeer> = new Map();
  readonly have: Set<number> = new Set();
  readonly priorities: number[];
  readonly blocks: ModelBlock[][];
  /** Who touched each piece since it was begun; −1 for whoever is gone. */
  readonly touched: Set<number>[];
  readonly out: BlockList = new BlockList();
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

  forget(piece: number): void {
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
    const inProgress = this.picker.partialPieces().toSorted((a, b) => a.piece - b.piece);
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
