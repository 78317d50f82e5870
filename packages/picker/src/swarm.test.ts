// Whole swarms of pickers, without a network: what rarest first is for.
import { Bitfield, createRng, PieceGeometry, type Rng, shuffle } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { BlockList, type PickingPeer, PiecePicker } from "./index.ts";

const PIECES = 200;
const LEECHES = 8;

interface Node {
  readonly picker: PiecePicker;
  /** This node as all others see it. */
  readonly self: PickingPeer;
}

function makeNode(id: number, rng: Rng, seed: boolean, sequential: boolean): Node {
  const geometry = new PieceGeometry(PIECES * 32_768, 32_768);
  const have = seed ? Bitfield.full(PIECES) : new Bitfield(PIECES);
  const picker = new PiecePicker({ geometry, rng, have });
  picker.sequential = sequential;
  return { picker, self: { id, have: have.clone(), snubbed: false, onParole: false } };
}

/** Lets `to` fetch up to `blocks` blocks from `from`, and tells everybody of finished pieces. */
function transfer(nodes: readonly Node[], from: Node, to: Node, blocks: number): number {
  const out = new BlockList();
  to.picker.pick(from.self, blocks, 0, undefined, out);
  for (let i = 0; i < out.length; i++) {
    const piece = out.piece(i);
    if (to.picker.received(from.self.id, piece, out.block(i)) !== "complete") continue;
    to.picker.stored(piece);
    to.self.have.add(piece);
    for (const other of nodes) if (other !== to) other.picker.peerHas(to.self, piece);
  }
  return out.length;
}

function makeSwarm(seed: number, sequential: boolean): Node[] {
  const rng = createRng(seed);
  const nodes = Array.from({ length: LEECHES + 1 }, (_, id) =>
    makeNode(id, rng, id === 0, sequential),
  );
  for (const node of nodes) {
    for (const other of nodes) if (other !== node) node.picker.peerBitfield(other.self);
  }
  return nodes;
}

/** Different pieces that the leeches hold when the seed has uploaded one copy's worth of blocks. */
function spread(seed: number, sequential: boolean): number {
  const nodes = makeSwarm(seed, sequential);
  const [source, ...leeches] = nodes as [Node, ...Node[]];
  const order = createRng(seed + 1);
  let uploaded = 0;
  while (uploaded < PIECES * 2) {
    for (const leech of shuffle(order, leeches)) {
      if (uploaded < PIECES * 2) uploaded += transfer(nodes, source, leech, 2);
    }
    for (const leech of leeches) {
      for (const other of leeches) if (other !== leech) transfer(nodes, other, leech, 1);
    }
  }
  const held = new Bitfield(PIECES);
  for (const { self } of leeches) for (const piece of self.have) held.add(piece);
  return held.count;
}

describe("a swarm with one seed", () => {
  it("soon holds a whole copy without the seed, when rarest pieces go first", () => {
    for (let seed = 0; seed < 5; seed++) {
      expect(spread(seed, false)).toBeGreaterThan(PIECES * 0.9);
      expect(spread(seed, true)).toBeLessThan(PIECES * 0.3);
    }
  });

  it("finishes at every leech, with consistent books and no block fetched twice", () => {
    const nodes = makeSwarm(11, false);
    const leeches = nodes.slice(1);
    let moved = 0;
    for (let round = 0; round < 1000 && leeches.some((n) => !n.picker.isFinished); round++) {
      for (const to of leeches) {
        for (const from of nodes) if (from !== to) moved += transfer(nodes, from, to, 3);
      }
      for (const { picker } of nodes) picker.checkInvariants();
    }
    expect(leeches.every((n) => n.picker.isFinished)).toBe(true);
    expect(moved).toBe(LEECHES * PIECES * 2);
  });

  it("is the same again with the same random seed", () => {
    expect(spread(3, false)).toBe(spread(3, false));
  });
});
