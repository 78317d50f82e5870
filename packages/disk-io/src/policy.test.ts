// Both policies against naive models of themselves: a cache of numbers does random, legal things.
import { createRng, type Rng } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { ArcModel, LruModel } from "../testing/policy-models.ts";
import { arc } from "./arc-policy.ts";
import type { CachePolicy, PolicyPiece } from "./cache-policy.ts";
import { lru } from "./lru-policy.ts";

/** A piece of which only numbers of blocks are known. */
class Numbers implements PolicyPiece {
  readonly key: number;
  readonly blockCount: number;
  isPartial = false;
  idle = 0;
  fresh = 0;
  streak = 0;
  mark = 0;
  user: number | undefined;
  pinned = 0;
  dirty = 0;
  writing = 0;

  constructor(key: number, blockCount: number) {
    this.key = key;
    this.blockCount = blockCount;
  }

  get cached(): number {
    return this.idle + this.pinned + this.dirty + this.writing;
  }

  get missing(): number {
    return this.blockCount - this.cached;
  }
}

/** Drives a policy and its model with the same events, and compares what they decide. */
class Pair {
  readonly policy: CachePolicy<PolicyPiece>;
  readonly model: CachePolicy<PolicyPiece>;
  readonly slots: number;
  readonly rng: Rng;
  readonly pieces: Numbers[] = [];
  operations = 0;

  constructor(
    policy: CachePolicy<PolicyPiece>,
    model: CachePolicy<PolicyPiece>,
    slots: number,
    rng: Rng,
  ) {
    this.policy = policy;
    this.model = model;
    this.slots = slots;
    this.rng = rng;
    for (let key = 0; key < 24; key++) this.pieces.push(new Numbers(key, 1 + this.below(100)));
  }

  below(bound: number): number {
    return Math.floor(this.rng() * bound);
  }

  both(event: (policy: CachePolicy<PolicyPiece>) => void): void {
    event(this.policy);
    event(this.model);
  }

  same<T>(decide: (policy: CachePolicy<PolicyPiece>) => T): T {
    const decision = decide(this.policy);
    const expected = decide(this.model);
    if (decision !== expected) expect(decision).toBe(expected);
    return decision;
  }

  operate(): void {
    this.operations++;
    const piece = this.pieces[this.below(this.pieces.length)];
    if (piece === undefined) return;
    const dice = this.below(100);
    if (dice < 50) this.ask(piece);
    else if (dice < 68) this.unpin(piece);
    else if (dice < 78) this.arrive(piece);
    else if (dice < 84) this.write();
    else if (dice < 94) this.endWriting(piece);
    else if (dice < 96) this.evict();
    else if (dice < 97) this.drop(piece);
    else this.compareOrder();
    this.same((policy) => policy.ghostHits);
  }

  /** A peer wants a block: it is there, or a read brings it and those behind it. */
  ask(piece: Numbers): void {
    const requester = this.below(3);
    const used = piece.idle - piece.fresh;
    if (piece.missing > 0 && !piece.isPartial && this.rng() < 0.5) {
      this.both((policy) => policy.miss(piece, requester));
      const count = this.same((policy) => policy.readAhead(piece));
      for (let i = 0; i < count && piece.missing > 0 && this.makeRoom(); i++) {
        // Making room may have emptied the piece, then it is another one now.
        if (this.pieces[piece.key] !== piece) return;
        piece.idle++;
        if (i > 0) piece.fresh++;
        this.both((policy) => policy.idled(piece));
      }
    } else if (piece.fresh > 0 && this.rng() < 0.8) {
      piece.fresh--;
      this.both((policy) => policy.hit(piece, requester, true));
      this.pin(piece);
    } else if (used > 0) {
      this.both((policy) => policy.hit(piece, requester, false));
      this.pin(piece);
    } else if (piece.pinned + piece.dirty > 0) {
      this.both((policy) => policy.hit(piece, requester, false));
    }
  }

  pin(piece: Numbers): void {
    piece.idle--;
    piece.pinned++;
    this.both((policy) => policy.held(piece));
  }

  unpin(piece: Numbers): void {
    while (piece.pinned > 0) {
      piece.pinned--;
      piece.idle++;
      this.both((policy) => policy.idled(piece));
      if (this.rng() < 0.2) return;
    }
  }

  arrive(piece: Numbers): void {
    if (piece.cached === 0) piece.isPartial = piece.key % 3 === 0;
    for (let n = this.below(32); n >= 0; n--) {
      if (!piece.isPartial || piece.missing === 0 || !this.makeRoom()) return;
      if (this.pieces[piece.key] !== piece) return;
      piece.dirty++;
      piece.streak += this.rng() < 0.8 ? 1 : 0;
      this.both((policy) => policy.dirtied(piece));
    }
  }

  write(): void {
    const [piece] = this.policy.flushOrder();
    const [expected] = this.model.flushOrder();
    expect(piece === expected).toBe(true);
    if (!(piece instanceof Numbers) || piece.writing > 0) return;
    piece.writing = piece.dirty;
    piece.dirty = 0;
    piece.streak = 0;
    this.both((policy) => policy.cleaned(piece));
  }

  endWriting(piece: Numbers): void {
    if (piece.writing === 0) return;
    const failed = this.rng() < 0.2;
    if (failed) piece.streak += this.below(piece.writing);
    for (; piece.writing > 0; piece.writing--) {
      if (failed) {
        piece.dirty++;
        this.both((policy) => policy.unwritten(piece));
      } else {
        piece.writing--;
        piece.idle++;
        this.both((policy) => policy.idled(piece));
        piece.writing++;
      }
    }
    if (piece.dirty === 0 && this.rng() < 0.5) piece.isPartial = false;
  }

  /** As the cache does: up to 16 blocks, used ones and others as they lie. */
  evict(): boolean {
    const piece = this.same((policy) => policy.victim());
    if (!(piece instanceof Numbers)) return false;
    const count = Math.min(piece.idle, 1 + this.below(16));
    const unused = Math.min(count, Math.max(piece.fresh - (piece.idle - count), this.below(8)));
    const gone = Math.min(unused, piece.fresh);
    piece.idle -= count;
    piece.fresh -= gone;
    this.both((policy) => policy.evicted(piece, count, gone));
    if (piece.cached === 0 && this.rng() < 0.8) this.forget(piece);
    return true;
  }

  drop(piece: Numbers): void {
    this.both((policy) => policy.dropped(piece));
    this.forget(piece);
  }

  /** The cache forgets it, and will meet it anew. */
  forget({ key, blockCount }: Numbers): void {
    this.pieces[key] = new Numbers(key, blockCount);
  }

  makeRoom(): boolean {
    const cached = this.pieces.reduce((sum, piece) => sum + piece.cached, 0);
    return cached < this.slots || this.evict();
  }

  compareOrder(): void {
    const order = [...this.policy.flushOrder()];
    const expected = [...this.model.flushOrder()];
    expect(order.length).toBe(expected.length);
    expect(order.every((piece, i) => piece === expected[i])).toBe(true);
  }
}

/** Of each policy, in every run of the tests. */
const OPERATIONS = 1_000_000;

describe("policies against naive models", () => {
  it("lru decides the same in 1,000,000 operations", () => {
    let operations = 0;
    for (let seed = 0; operations < OPERATIONS; seed++) {
      const pair = new Pair(lru()(256), new LruModel(), 256, createRng(seed));
      for (let i = 0; i < 10_000; i++) pair.operate();
      operations += pair.operations;
    }
  });

  it("arc decides the same in 1,000,000 operations, in caches of several sizes", () => {
    let operations = 0;
    for (let seed = 0; operations < OPERATIONS; seed++) {
      const slots = [64, 300, 700][seed % 3] ?? 64;
      const pair = new Pair(arc()(slots), new ArcModel(slots), slots, createRng(seed));
      for (let i = 0; i < 10_000; i++) pair.operate();
      operations += pair.operations;
    }
  });
});
