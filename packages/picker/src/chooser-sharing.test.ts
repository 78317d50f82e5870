// The strategy, one rule at a time: who shares pieces in progress with whom.
import { createRng, type PieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import {
  deliver,
  join,
  make,
  pick,
  pickPieces,
  stairs,
  type TestPeer,
} from "../testing/scenario.ts";
import { BlockList } from "./index.ts";

describe("pieces in progress", () => {
  it("are finished by all peers before a new one is begun", () => {
    const picker = make(10, 4);
    const [a, b] = [join(picker), join(picker)];
    const [piece] = pickPieces(picker, a, 1);
    expect(pick(picker, b, 3)).toEqual([`${piece}:1`, `${piece}:2`, `${piece}:3`]);
    expect(pickPieces(picker, b, 1)).not.toEqual([piece]);
  });

  it("go by rarity, then by how much is missing", () => {
    const picker = make(3, 4);
    stairs(picker, 3);
    const extra = join(picker, [0]);
    // Now 0 and 1 are equally rare, 2 is commoner.
    const parts = [["0:0"], ["1:0", "1:1"], ["2:0", "2:1", "2:2"]];
    for (const part of parts) deliver(picker, extra, part);
    expect(pickPieces(picker, join(picker), 6)).toEqual([1, 1, 0, 0, 0, 2]);
  });

  it("wait while the peer has something much rarer", () => {
    const picker = make(3, 2);
    const leeches = [1, 2, 3].map(() => join(picker, [2]));
    deliver(picker, leeches[0] as TestPeer, ["2:0"]);
    const seed = join(picker);
    expect(pickPieces(picker, seed, 5)[4]).toBe(2);
    // With four seeds no piece is rare.
    const other = make(3, 2);
    const leech = [1, 2, 3].map(() => join(other, [2]))[0] as TestPeer;
    deliver(other, leech, ["2:0"]);
    const [first] = [1, 2, 3, 4].map(() => join(other)) as [TestPeer];
    expect(pickPieces(other, first, 1)).toEqual([2]);
  });

  it("come before higher priorities when there are too many for the peers", () => {
    const picker = make(10, 4);
    const peer = join(picker);
    for (const block of ["0:0", "1:0"]) deliver(picker, peer, [block]);
    picker.setPriority(9 as PieceIndex, 7);
    expect(pickPieces(picker, peer, 7).filter((piece) => piece === 9)).toHaveLength(1);
  });

  it("come before higher priorities when they hold more than 32 MiB", () => {
    const picker = make(10, 1024);
    const peers = Array.from({ length: 10 }, () => join(picker));
    const peer = peers[0] as TestPeer;
    for (const block of ["0:0", "1:0"]) deliver(picker, peer, [block]);
    picker.setPriority(9 as PieceIndex, 7);
    expect(pickPieces(picker, peer, 1)).toEqual([9]);
    picker.setPriority(8 as PieceIndex, 7);
    expect(pickPieces(picker, peer, 1025)).not.toContain(8);
  });

  it("are shared, too, when they hold more than 32 MiB", () => {
    const picker = make(10, 1024);
    const kept = [1, 2, 3].flatMap(() => {
      const slow = join(picker);
      slow.snubbed = true;
      return pickPieces(picker, slow, 1);
    });
    expect(new Set(kept).size).toBe(3);
    expect(kept).toContain(pickPieces(picker, join(picker), 1)[0]);
  });

  it("stay few with many peers that come and go", () => {
    const picker = make(2000, 16);
    const rng = createRng(4);
    const peers = Array.from({ length: 30 }, () => join(picker));
    let most = 0;
    for (let round = 0; round < 3000; round++) {
      const at = Math.floor(rng() * peers.length);
      const peer = peers[at] as TestPeer;
      const out = new BlockList();
      picker.pick(peer, 1 + Math.floor(rng() * 20), at < 10 ? 32 : 0, undefined, out);
      for (let i = 0; i < out.length; i++) {
        if (rng() < 0.1) picker.abandoned(peer.id, out.piece(i), out.block(i));
        else if (picker.received(peer.id, out.piece(i), out.block(i)) === "complete") {
          picker.stored(out.piece(i));
        }
      }
      if (rng() < 0.02) {
        picker.peerGone(peer);
        peers[at] = join(picker);
      }
      most = Math.max(most, picker.partialCount);
    }
    picker.checkInvariants();
    expect(most).toBeLessThanOrEqual(46);
  });
});

describe("fast peers", () => {
  it("begin pieces of their own", () => {
    const picker = make(10, 8);
    const [a, b] = [join(picker), join(picker)];
    const [first] = pickPieces(picker, a, 3, { contiguous: 8 });
    const [second] = pickPieces(picker, b, 3, { contiguous: 8 });
    expect(second).not.toBe(first);
    expect(pickPieces(picker, a, 5, { contiguous: 8 })).toEqual(Array(5).fill(first));
    expect(pickPieces(picker, b, 5, { contiguous: 8 })).toEqual(Array(5).fill(second));
  });

  it("go back to what they began before they join others", () => {
    const picker = make(10, 4);
    const [fast, other] = [join(picker), join(picker)];
    const [own] = pickPieces(picker, fast, 1, { contiguous: 1 });
    const urgent = ((own as number) + 1) % 10;
    picker.setUrgent([urgent as PieceIndex]);
    pickPieces(picker, fast, 4, { contiguous: 1 });
    picker.setUrgent([]);
    const [shared] = pickPieces(picker, other, 2);
    expect(shared).not.toBe(own);
    expect(pickPieces(picker, fast, 4, { contiguous: 1 })).toEqual([own, own, own, shared]);
  });

  it("keep off pieces with too few open blocks that others are busy with", () => {
    const picker = make(10, 8);
    const [slow, fast] = [join(picker), join(picker)];
    const [shared] = pickPieces(picker, slow, 2);
    const [own] = pickPieces(picker, fast, 1, { contiguous: 8 });
    expect(own).not.toBe(shared);
  });

  it("finish what nobody is busy with", () => {
    const picker = make(10, 8);
    const [slow, fast] = [join(picker), join(picker)];
    const blocks = pick(picker, slow, 2);
    deliver(picker, slow, blocks);
    expect(pickPieces(picker, fast, 1, { contiguous: 8 })).toEqual([
      Number(blocks[0]?.split(":")[0]),
    ]);
  });

  it("take a run of whole pieces in a row", () => {
    for (let seed = 0; seed < 20; seed++) {
      const picker = make(100, 2, { rng: createRng(seed) });
      const peer = join(picker);
      const pieces = [3, 4, 3].flatMap((n) => pickPieces(picker, peer, n, { contiguous: 8 }));
      const first = Math.min(pieces[0] as number, 99);
      const run = [0, 0, 1, 1, 2, 2, 3, 3].map((i) => first + i).filter((p) => p < 100);
      expect(pieces.slice(0, run.length)).toEqual(run);
      // The next run begins anywhere.
      expect(pieces).toHaveLength(10);
    }
  });

  it("share what they keep when others would find nothing", () => {
    const picker = make(2, 4);
    const [fast, other] = [join(picker), join(picker)];
    const [kept] = pickPieces(picker, fast, 1, { contiguous: 4 });
    const second = pickPieces(picker, other, 6);
    expect(second.slice(0, 4)).toEqual(Array(4).fill(1 - (kept as number)));
    expect(second.slice(4)).toEqual([kept, kept]);
  });

  it("share what they keep as soon as they give up a block of it", () => {
    const picker = make(9, 4);
    const [fast, other] = [join(picker), join(picker)];
    const [kept] = pickPieces(picker, fast, 2, { contiguous: 4 });
    const [shared] = pickPieces(picker, other, 1);
    expect(shared).not.toBe(kept);
    picker.abandoned(fast.id, kept as PieceIndex, 0 as never);
    const next = pickPieces(picker, join(picker), 6);
    expect(next.filter((piece) => piece === shared)).toHaveLength(3);
    expect(next.filter((piece) => piece === kept)).toHaveLength(3);
  });

  it("share, too, at the start, when whole pieces are needed soon", () => {
    const picker = make(9, 4, { initialRandomPieces: 1 });
    const [a, b] = [join(picker), join(picker)];
    const [first] = pickPieces(picker, a, 1, { contiguous: 4 });
    expect(pickPieces(picker, b, 3, { contiguous: 4 })).toEqual([first, first, first]);
  });
});

describe("peers on parole", () => {
  it("get only pieces that nobody else touches", () => {
    const picker = make(3, 4);
    const [good, suspect] = [join(picker), join(picker)];
    const [shared] = pickPieces(picker, good, 1);
    suspect.onParole = true;
    const pieces = pickPieces(picker, suspect, 12);
    expect(pieces).toHaveLength(8);
    expect(pieces).not.toContain(shared);
  });

  it("keep them to themselves as long as others find something else", () => {
    const picker = make(3, 4);
    const [good, suspect] = [join(picker), join(picker)];
    suspect.onParole = true;
    const [own] = pickPieces(picker, suspect, 1);
    expect(pickPieces(picker, good, 8)).not.toContain(own);
    expect(pickPieces(picker, suspect, 1)).toEqual([own]);
    expect(pickPieces(picker, good, 8)).toEqual([own, own]);
    expect(pick(picker, suspect, 1)).toEqual([]);
  });

  it("may take a piece again that failed", () => {
    const picker = make(1, 2);
    const [good, suspect] = [join(picker), join(picker)];
    for (const peer of [good, suspect]) {
      for (const block of pick(picker, peer, 1)) {
        picker.received(peer.id, 0 as PieceIndex, Number(block.split(":")[1]) as never);
      }
    }
    picker.failed(0 as PieceIndex);
    suspect.onParole = true;
    expect(pick(picker, suspect, 2)).toEqual(["0:0", "0:1"]);
  });

  it("get nothing twice in end-game", () => {
    const picker = make(1, 2);
    const [good, suspect] = [join(picker), join(picker)];
    suspect.onParole = true;
    pick(picker, good, 2);
    expect(pick(picker, suspect, 2)).toEqual([]);
  });
});

describe("end-game", () => {
  it("gives one block that others were asked for to a peer with nothing to do", () => {
    const picker = make(1, 4);
    const [a, b] = [join(picker), join(picker)];
    pick(picker, a, 4);
    const [twice, ...more] = pick(picker, b, 4);
    expect(twice).toBeDefined();
    expect(more).toEqual([]);
    expect(pick(picker, b, 4)).toEqual([]);
  });

  it("prefers blocks that the fewest were asked for, never twice of one peer", () => {
    const picker = make(1, 3);
    pick(picker, join(picker), 3);
    const others = Array.from({ length: 3 }, () => join(picker));
    expect(others.flatMap((peer) => pick(picker, peer, 1)).toSorted()).toEqual([
      "0:0",
      "0:1",
      "0:2",
    ]);
    const [first] = others as [TestPeer];
    const theirs = ["0:0", "0:1", "0:2"].find((b) =>
      picker.isRequestedBy(first.id, 0 as PieceIndex, Number(b.split(":")[1]) as never),
    );
    deliver(picker, first, [theirs as string]);
    expect(pick(picker, first, 1)).not.toEqual([theirs]);
  });

  it("does not begin while a piece could be begun that somebody has", () => {
    const picker = make(2, 1);
    join(picker);
    const peer = join(picker, [0]);
    pick(picker, join(picker, [0]), 1);
    expect(pick(picker, peer, 1)).toEqual([]);
  });

  it("does not wait for pieces that nobody has", () => {
    const picker = make(2, 1);
    const peer = join(picker, [0]);
    pick(picker, join(picker, [0]), 1);
    expect(pick(picker, peer, 1)).toEqual(["0:0"]);
  });

  it("leaves unwanted pieces alone", () => {
    const picker = make(1, 1);
    pick(picker, join(picker), 1);
    picker.setPriority(0 as PieceIndex, 0);
    expect(pick(picker, join(picker), 1)).toEqual([]);
  });
});
