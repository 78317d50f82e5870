// The life of pieces and blocks as the caller reports it.
import { Bitfield, type BlockIndex, createRng, PieceGeometry, type PieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { BlockList, PickerError, type PickingPeer, PiecePicker } from "./index.ts";

const P = (index: number): PieceIndex => index as PieceIndex;
const B = (index: number): BlockIndex => index as BlockIndex;

/** Four pieces of four blocks, the last one of a single short block. */
function make(have?: Bitfield): PiecePicker {
  const geometry = new PieceGeometry(3 * 65_536 + 100, 65_536);
  return new PiecePicker({ geometry, rng: createRng(1), ...(have && { have }) });
}

function peerOf(id: number, pieces: readonly number[] = [0, 1, 2, 3]): PickingPeer {
  const have = new Bitfield(4);
  for (const piece of pieces) have.add(piece);
  return { id, have, snubbed: false, onParole: false };
}

function join(picker: PiecePicker, id: number, pieces?: readonly number[]): PickingPeer {
  const peer = peerOf(id, pieces);
  picker.peerBitfield(peer);
  return peer;
}

function pick(picker: PiecePicker, peer: PickingPeer, count: number): [PieceIndex, BlockIndex][] {
  const out = new BlockList();
  picker.pick(peer, count, 0, undefined, out);
  return Array.from({ length: out.length }, (_, i) => [out.piece(i), out.block(i)]);
}

const code = (code: string): unknown => expect.objectContaining({ code });

describe("pieces", () => {
  it("that are had at the start are neither wanted nor shared with the caller's set", () => {
    const have = new Bitfield(4);
    have.add(1);
    const picker = make(have);
    have.add(2);
    expect([...picker.have]).toEqual([1]);
    expect([...picker.wanted]).toEqual([0, 2, 3]);
    expect(picker.wantedLeft).toBe(3);
  });

  it("are finished when every wanted one is stored", () => {
    const picker = make();
    picker.setPriority(P(3), 0);
    for (const piece of [0, 1]) picker.stored(P(piece));
    expect(picker.isFinished).toBe(false);
    picker.stored(P(2));
    expect(picker.isFinished).toBe(true);
    picker.setPriority(P(3), 1);
    expect(picker.isFinished).toBe(false);
  });

  it("keep their priorities, and what is wanted, while there are no peers", () => {
    const picker = make();
    picker.setPriority(P(2), 7);
    picker.setPriority(P(0), 0);
    picker.stored(P(1));
    picker.checkInvariants();
    for (const id of [1, 2]) {
      const peer = join(picker, id);
      expect(pick(picker, peer, 9).map(([piece]) => piece)).toEqual([2, 2, 2, 2, 3]);
      picker.checkInvariants();
      picker.peerGone(peer);
      picker.checkInvariants();
      expect([picker.partialCount, picker.availability(P(2)), picker.distributedCopies]).toEqual([
        0, 0, 0.25,
      ]);
    }
    expect([...picker.wanted]).toEqual([2, 3]);
  });

  it("stay in progress when the last peer leaves after a block of them", () => {
    const picker = make();
    const peer = join(picker, 1);
    expect(picker.received(1, P(3), B(0))).toBe("complete");
    picker.peerGone(peer);
    picker.checkInvariants();
    expect(picker.contributors(P(3))).toEqual([1]);
    picker.stored(P(3));
    picker.checkInvariants();
    expect(picker.contributors(P(3))).toEqual([]);
  });

  it("are wanted again when they are lost", () => {
    const picker = make(Bitfield.full(4));
    const peer = join(picker, 1);
    expect(picker.isInteresting(peer)).toBe(false);
    picker.lost(P(2));
    expect(picker.isInteresting(peer)).toBe(true);
    expect(pick(picker, peer, 9)).toHaveLength(4);
    picker.checkInvariants();
  });

  it("in progress that are lost begin anew", () => {
    const picker = make();
    picker.received(1, P(0), B(0));
    picker.lost(P(0));
    expect(picker.partialCount).toBe(0);
    expect(picker.isWanted(P(0), B(0))).toBe(true);
  });

  it("do not exist outside the torrent, and nothing happens to those", () => {
    const picker = make();
    const peer = join(picker, 1);
    for (const piece of [-1, 4, 1.5, Number.NaN]) {
      expect(picker.isWanted(P(piece), B(0))).toBe(false);
      expect(picker.received(1, P(piece), B(0))).toBe("unwanted");
      expect(picker.failed(P(piece))).toEqual([]);
      expect(picker.isRequestedBy(1, P(piece), B(0))).toBe(false);
      picker.abandoned(1, P(piece), B(0));
      picker.stored(P(piece));
      picker.lost(P(piece));
      picker.peerHas(peer, P(piece));
      picker.peerLost(peer, P(piece));
      picker.otherRequesters(P(piece), B(0), 2, () => expect.unreachable());
      expect(() => picker.setPriority(P(piece), 1)).toThrow(code("ERR_PICKER_PIECE"));
    }
    picker.checkInvariants();
  });

  it("of an empty torrent are finished at once", () => {
    const picker = new PiecePicker({ geometry: new PieceGeometry(0, 16_384), rng: createRng(1) });
    const peer = { ...peerOf(1), have: new Bitfield(0) };
    picker.peerBitfield(peer);
    expect(picker.isFinished).toBe(true);
    expect(picker.isInteresting(peer)).toBe(false);
    expect(pick(picker, peer, 4)).toEqual([]);
    expect(picker.distributedCopies).toBe(1);
    picker.checkInvariants();
  });
});

describe("blocks", () => {
  it("make a piece complete when the last one arrives", () => {
    const picker = make();
    const peer = join(picker, 1, [0]);
    const blocks = pick(picker, peer, 4);
    expect(blocks.map(([piece, block]) => picker.received(1, piece, block))).toEqual([
      "new",
      "new",
      "new",
      "complete",
    ]);
    expect(picker.received(1, P(0), B(3))).toBe("unwanted");
    expect(picker.partialPieces()).toMatchObject([{ piece: 0, requested: 0, hashing: true }]);
    picker.stored(P(0));
    expect(picker.received(1, P(0), B(3))).toBe("unwanted");
    expect(picker.partialCount).toBe(0);
  });

  it("may arrive unasked, as those that an earlier run left do", () => {
    const picker = make();
    expect(picker.received(-1, P(1), B(2), 50)).toBe("new");
    expect(picker.partialPieces().map(({ piece, received }) => [piece, ...received])).toEqual([
      [1, 2],
    ]);
    const blocks = pick(picker, join(picker, 1, [1]), 9);
    expect(blocks.map(([, block]) => block)).toEqual([0, 1, 3]);
    expect(picker.contributors(P(1))).toEqual([-1, -1, 50, -1]);
    picker.checkInvariants();
  });

  it("of unwanted pieces are not wanted, unless the piece is in progress", () => {
    const picker = make();
    picker.received(1, P(0), B(0));
    picker.setPriority(P(0), 0);
    picker.setPriority(P(1), 0);
    expect(picker.received(1, P(0), B(1))).toBe("new");
    expect(picker.received(1, P(1), B(1))).toBe("unwanted");
    picker.checkInvariants();
  });

  it("beyond the last one of their piece are unwanted", () => {
    const picker = make();
    picker.received(1, P(3), B(0));
    for (const block of [-1, 4, 1]) expect(picker.isWanted(P(3), B(block))).toBe(false);
    expect(picker.received(1, P(3), B(1))).toBe("unwanted");
    expect(picker.received(1, P(2), B(4))).toBe("unwanted");
    picker.checkInvariants();
  });

  it("are open for others after their peer gave them up", () => {
    const picker = make();
    const [a, b] = [join(picker, 1, [0]), join(picker, 2, [0])];
    expect(pick(picker, a, 4)).toHaveLength(4);
    // The peer finds nothing and is remembered for that, until something opens.
    pick(picker, b, 1);
    picker.abandoned(b.id, P(0), B(0));
    picker.abandoned(a.id, P(0), B(2));
    expect(pick(picker, b, 4)).toEqual([[0, 2]]);
    picker.checkInvariants();
  });

  it("from a peer that was too slow are still taken", () => {
    const picker = make();
    const [a, b] = [join(picker, 1, [3]), join(picker, 2, [3])];
    pick(picker, a, 1);
    picker.abandoned(a.id, P(3), B(0));
    pick(picker, b, 1);
    expect(picker.isWanted(P(3), B(0))).toBe(true);
    expect(picker.received(a.id, P(3), B(0))).toBe("complete");
    const cancelled: number[] = [];
    picker.otherRequesters(P(3), B(0), a.id, (id) => {
      cancelled.push(id);
      picker.abandoned(id, P(3), B(0));
    });
    expect(cancelled).toEqual([b.id]);
    expect(picker.requestsOf(b.id)).toBe(0);
    picker.checkInvariants();
  });

  it("that several were asked for leave nobody with a request once the piece is stored", () => {
    const picker = make();
    const [a, b] = [join(picker, 1, [3]), join(picker, 2, [3])];
    pick(picker, a, 1);
    expect(pick(picker, b, 1)).toEqual([[3, 0]]);
    expect(picker.received(b.id, P(3), B(0))).toBe("complete");
    expect(picker.requestsOf(a.id)).toBe(1);
    picker.stored(P(3));
    expect(picker.requestsOf(a.id)).toBe(0);
    expect(picker.received(a.id, P(3), B(0))).toBe("unwanted");
    picker.checkInvariants();
  });
});

describe("failed pieces", () => {
  it("tell who sent what and begin anew", () => {
    const picker = make();
    for (const [block, source] of [70, 71, 70, 72].entries()) {
      picker.received(1, P(0), B(block), source);
    }
    expect(picker.failed(P(0))).toEqual([70, 71, 70, 72]);
    expect(picker.contributors(P(0))).toEqual([]);
    expect(picker.partialCount).toBe(0);
    expect(picker.isWanted(P(0), B(0))).toBe(true);
    picker.checkInvariants();
  });

  it("wait for copies that are still on their way", () => {
    const picker = make();
    const [a, b] = [join(picker, 1, [3]), join(picker, 2, [3])];
    pick(picker, a, 1);
    pick(picker, b, 1);
    expect(picker.received(a.id, P(3), B(0))).toBe("complete");
    picker.failed(P(3));
    expect(pick(picker, join(picker, 3, [0]), 9)).toHaveLength(4);
    expect(picker.isRequestedBy(b.id, P(3), B(0))).toBe(true);
    expect(picker.received(b.id, P(3), B(0), 7)).toBe("complete");
    expect(picker.contributors(P(3))).toEqual([7]);
    picker.checkInvariants();
  });
});

describe("peers", () => {
  it("that go give back what they were asked for", () => {
    const picker = make();
    const [a, b] = [join(picker, 1), join(picker, 2, [0])];
    pick(picker, a, 13);
    picker.peerGone(a);
    expect(picker.partialCount).toBe(0);
    expect(pick(picker, b, 9)).toHaveLength(4);
    expect(picker.availability(P(1))).toBe(0);
    picker.peerGone(a);
    picker.checkInvariants();
  });

  it("with an old id are not taken for the one that had it", () => {
    const picker = make();
    const first = join(picker, 1, [0]);
    const [[piece, block] = [P(0), B(0)]] = pick(picker, first, 1);
    picker.received(first.id, piece, block, 10);
    picker.peerGone(first);
    const second: PickingPeer = { ...peerOf(1, [0]), onParole: true };
    picker.peerBitfield(second);
    expect(picker.requestsOf(second.id)).toBe(0);
    // The piece was touched by somebody else.
    expect(pick(picker, second, 4)).toEqual([]);
    expect(picker.contributors(P(0))).toEqual([10, -1, -1, -1]);
  });

  it("are counted piece by piece, seeds as one", () => {
    const picker = make();
    join(picker, 1, [0, 1]);
    const growing = join(picker, 2, [1]);
    const seed = join(picker, 3);
    expect([0, 1, 2, 3].map((piece) => picker.availability(P(piece)))).toEqual([2, 3, 1, 1]);
    expect(picker.distributedCopies).toBe(1.5);
    for (const piece of [0, 2, 3]) {
      growing.have.add(piece);
      picker.peerHas(growing, P(piece));
    }
    seed.have.delete(0);
    picker.peerLost(seed, P(0));
    expect([0, 1, 2, 3].map((piece) => picker.availability(P(piece)))).toEqual([2, 3, 2, 2]);
    picker.checkInvariants();
    picker.peerGone(growing);
    picker.peerGone(seed);
    picker.checkInvariants();
  });

  it("that joined with everything gain nothing by saying so again", () => {
    const picker = make();
    const seed = join(picker, 1);
    picker.peerHas(seed, P(2));
    expect(picker.availability(P(2))).toBe(1);
    picker.checkInvariants();
  });

  it("that are not known yet are counted by their first have", () => {
    const picker = make();
    const peer = peerOf(1, [2]);
    expect(picker.isInteresting(peer)).toBe(false);
    picker.peerHas(peer, P(2));
    expect(picker.isInteresting(peer)).toBe(true);
    expect(picker.availability(P(2))).toBe(1);
  });

  it("are interesting as long as they have something that we want", () => {
    const picker = make();
    const peer = join(picker, 1, [1]);
    expect(picker.isInteresting(peer)).toBe(true);
    picker.stored(P(1));
    expect(picker.isInteresting(peer)).toBe(false);
    peer.have.add(0);
    picker.peerHas(peer, P(0));
    expect(picker.isInteresting(peer)).toBe(true);
    picker.setPriority(P(0), 0);
    expect(picker.isInteresting(peer)).toBe(false);
    picker.setPriority(P(0), 7);
    expect(picker.isInteresting(peer)).toBe(true);
  });
});

describe("mistakes of the caller", () => {
  it("are refused with a code", () => {
    const picker = make();
    const peer = join(picker, 1);
    expect(() => picker.peerBitfield(peer)).toThrow(code("ERR_PICKER_PEER"));
    expect(() => picker.peerBitfield(peerOf(-1))).toThrow(code("ERR_PICKER_PEER"));
    expect(() => picker.peerBitfield({ ...peerOf(2), have: new Bitfield(5) })).toThrow(
      code("ERR_PICKER_HAVE"),
    );
    expect(() => make(new Bitfield(3))).toThrow(code("ERR_PICKER_HAVE"));
    for (const priority of [-1, 8, 0.5, Number.NaN]) {
      expect(() => picker.setPriority(P(0), priority)).toThrow(code("ERR_PICKER_PRIORITY"));
    }
    picker.checkInvariants();
  });

  it("that break the books are found by the check", () => {
    const picker = make();
    const peer = join(picker, 1, [1]);
    peer.have.add(2);
    expect(() => picker.checkInvariants()).toThrow(PickerError);
    expect(() => picker.checkInvariants()).toThrow("piece 2 is at 1 peers, not 0");
  });
});
