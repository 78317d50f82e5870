// The strategy, one rule at a time: the order of pieces.
import { Bitfield, createRng, type PieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { deliver, join, make, pick, pickPieces, stairs } from "../testing/scenario.ts";

describe("rarest first", () => {
  it("begins the rarest pieces first", () => {
    const picker = make(5, 1);
    stairs(picker, 5);
    expect(pickPieces(picker, join(picker), 5)).toEqual([0, 1, 2, 3, 4]);
  });

  it("counts seeds without letting them change the order", () => {
    const picker = make(3, 1);
    join(picker, [1]);
    join(picker);
    join(picker);
    expect(pickPieces(picker, join(picker), 3)[2]).toBe(1);
  });

  it("chooses among equals at random", () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 100; seed++) {
      const picker = make(6, 1, { rng: createRng(seed) });
      seen.add(pickPieces(picker, join(picker), 1)[0] ?? -1);
    }
    expect(seen.size).toBe(6);
  });

  it("picks only what the peer has, we lack and want", () => {
    const have = new Bitfield(6);
    have.add(1);
    const picker = make(6, 2, { have });
    picker.setPriority(2 as PieceIndex, 0);
    expect(pick(picker, join(picker, [1, 2, 3]), 10)).toEqual(["3:0", "3:1"]);
  });

  it("follows availability as it changes", () => {
    const picker = make(3, 1);
    const other = join(picker, [0]);
    const seed = join(picker);
    for (const piece of [1, 2] as PieceIndex[]) {
      other.have.add(piece);
      picker.peerHas(other, piece);
    }
    other.have.delete(2);
    picker.peerLost(other, 2 as PieceIndex);
    expect(pickPieces(picker, seed, 1)).toEqual([2]);
  });

  it("begins with random pieces until enough are had", () => {
    const firsts = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const picker = make(6, 1, { rng: createRng(seed), initialRandomPieces: 2 });
      stairs(picker, 6);
      const peer = join(picker);
      for (let i = 0; i < 2; i++) {
        const blocks = pick(picker, peer, 1);
        firsts.add(Number(blocks[0]?.split(":")[0]));
        deliver(picker, peer, blocks);
      }
      const rarest = [0, 1, 2].find((piece) => !picker.have.has(piece));
      expect(pickPieces(picker, peer, 1)).toEqual([rarest]);
    }
    expect(firsts.size).toBe(6);
  });

  it("gives the commonest pieces to a snubbed peer", () => {
    const picker = make(5, 1);
    stairs(picker, 5);
    const peer = join(picker);
    peer.snubbed = true;
    expect(pickPieces(picker, peer, 5)).toEqual([4, 3, 2, 1, 0]);
  });

  it("lets a snubbed peer join others only when it can begin nothing", () => {
    const picker = make(2, 4);
    const [good, slow] = [join(picker), join(picker)];
    slow.snubbed = true;
    const [shared] = pickPieces(picker, good, 1);
    const pieces = pickPieces(picker, slow, 5);
    expect(pieces).toEqual([...Array(4).fill(1 - (shared as number)), shared]);
  });

  it("finds all pieces of a peer that has few of very many", () => {
    const few = [17, 30_000, 59_999];
    const picker = make(60_000, 1);
    // All that it has is commoner than tens of thousands of others that it lacks.
    join(
      picker,
      Array.from({ length: 50_000 }, (_, i) => i),
    );
    for (let i = 0; i < 3; i++) join(picker, few);
    const peer = join(picker, few);
    expect(pickPieces(picker, peer, 10).toSorted((a, b) => a - b)).toEqual(few);
  });

  it("takes the rarest of what it finds beyond a long row of pieces that the peer lacks", () => {
    const picker = make(20_000, 1);
    join(
      picker,
      Array.from({ length: 19_900 }, (_, i) => i),
    );
    const theirs = Array.from({ length: 100 }, (_, i) => 19_900 + i);
    for (let i = 0; i < 2; i++) join(picker, theirs);
    join(picker, theirs.slice(10));
    const peer = join(picker, theirs);
    const picked = pickPieces(picker, peer, 10).toSorted((a, b) => a - b);
    expect(picked).toEqual(theirs.slice(0, 10));
  });

  it("takes the commonest of what it finds there for a snubbed peer", () => {
    const picker = make(20_000, 1);
    const others = Array.from({ length: 19_900 }, (_, i) => i);
    for (let i = 0; i < 4; i++) join(picker, others);
    const theirs = Array.from({ length: 100 }, (_, i) => 19_900 + i);
    join(picker, theirs.slice(10));
    const peer = join(picker, theirs);
    peer.snubbed = true;
    const picked = pickPieces(picker, peer, 90).toSorted((a, b) => a - b);
    expect(picked).toEqual(theirs.slice(10));
  });
});

describe("priorities", () => {
  it("come before rarity", () => {
    const picker = make(4, 1);
    stairs(picker, 4);
    picker.setPriority(3 as PieceIndex, 7);
    picker.setPriority(2 as PieceIndex, 5);
    picker.setPriority(0 as PieceIndex, 1);
    expect(pickPieces(picker, join(picker), 4)).toEqual([3, 2, 1, 0]);
  });

  it("come before finishing what was begun", () => {
    const picker = make(4, 4);
    const peer = join(picker);
    join(picker);
    const [begun] = pickPieces(picker, peer, 1);
    const urgent = ((begun ?? 0) + 1) % 4;
    picker.setPriority(urgent as PieceIndex, 5);
    expect(pickPieces(picker, peer, 5)).toEqual([urgent, urgent, urgent, urgent, begun]);
  });

  it("of 0 stop a piece in progress, and more let it go on", () => {
    const picker = make(1, 4);
    const peer = join(picker);
    deliver(picker, peer, pick(picker, peer, 2));
    picker.setPriority(0 as PieceIndex, 0);
    expect(pick(picker, peer, 4)).toEqual([]);
    expect(picker.isFinished).toBe(true);
    picker.setPriority(0 as PieceIndex, 1);
    expect(pick(picker, peer, 4)).toEqual(["0:2", "0:3"]);
  });
});

describe("sequential", () => {
  it("goes up by index within a priority", () => {
    const picker = make(6, 1);
    stairs(picker, 6);
    picker.sequential = true;
    picker.setPriority(4 as PieceIndex, 6);
    expect(pickPieces(picker, join(picker), 6)).toEqual([4, 0, 1, 2, 3, 5]);
  });

  it("comes back to a piece that was lost or given up", () => {
    const picker = make(6, 1);
    picker.sequential = true;
    const peer = join(picker);
    deliver(picker, peer, pick(picker, peer, 4));
    picker.lost(1 as PieceIndex);
    expect(pickPieces(picker, peer, 2)).toEqual([1, 4]);
    picker.abandoned(peer.id, 1 as PieceIndex, 0 as never);
    expect(pickPieces(picker, peer, 2)).toEqual([1, 5]);
  });

  it("keeps snubbed peers away from its front", () => {
    const picker = make(6, 1);
    picker.sequential = true;
    stairs(picker, 6);
    const peer = join(picker);
    peer.snubbed = true;
    expect(pickPieces(picker, peer, 1)).toEqual([5]);
  });
});

describe("urgent pieces", () => {
  it("come before all others in the given order", () => {
    const picker = make(6, 2);
    picker.setPriority(0 as PieceIndex, 7);
    picker.setUrgent([5, 2, 99, -1] as PieceIndex[]);
    expect(pickPieces(picker, join(picker), 5)).toEqual([5, 5, 2, 2, 0]);
  });

  it("are joined when another peer keeps them for itself", () => {
    const picker = make(6, 4);
    const [fast, other] = [join(picker), join(picker)];
    const [begun] = pickPieces(picker, fast, 1, { contiguous: 4 });
    picker.setUrgent([begun as PieceIndex]);
    expect(pickPieces(picker, other, 3)).toEqual([begun, begun, begun]);
  });

  it("are not asked of snubbed peers, and never when their priority is 0", () => {
    const picker = make(6, 1);
    stairs(picker, 6);
    const peer = join(picker);
    peer.snubbed = true;
    picker.setUrgent([0, 1] as PieceIndex[]);
    expect(pickPieces(picker, peer, 1)).toEqual([5]);
    peer.snubbed = false;
    picker.setPriority(0 as PieceIndex, 0);
    expect(pickPieces(picker, peer, 1)).toEqual([1]);
  });

  it("leave the pieces alone in which nothing is open", () => {
    // A look at such a piece once made it count as shared by the peer that looked.
    const picker = make(6, 1);
    const [suspect, other] = [join(picker), join(picker)];
    suspect.onParole = true;
    const begun = pickPieces(picker, suspect, 1);
    picker.setUrgent(begun as PieceIndex[]);
    pick(picker, other, 1);
    picker.abandoned(suspect.id, begun[0] as PieceIndex, 0 as never);
    expect(pickPieces(picker, suspect, 1)).toEqual(begun);
  });
});

describe("while choked", () => {
  it("only allowed pieces are picked, and later the others", () => {
    const picker = make(5, 2);
    const peer = join(picker);
    const allowed = new Bitfield(5);
    allowed.add(3);
    expect(pick(picker, peer, 9, { allowed })).toEqual(["3:0", "3:1"]);
    expect(pick(picker, peer, 9, { allowed })).toEqual([]);
    expect(pick(picker, peer, 9)).toHaveLength(8);
  });

  it("there is no end-game", () => {
    const picker = make(1, 1);
    pick(picker, join(picker), 1);
    expect(pick(picker, join(picker), 1, { allowed: Bitfield.full(1) })).toEqual([]);
  });
});

it("picks nothing for a count of 0 or less, or for an unknown peer", () => {
  const picker = make(2, 2);
  const peer = join(picker);
  expect(pick(picker, peer, 0)).toEqual([]);
  expect(pick(picker, peer, -5)).toEqual([]);
  expect(pick(picker, { ...peer, id: 1e6 }, 5)).toEqual([]);
});
