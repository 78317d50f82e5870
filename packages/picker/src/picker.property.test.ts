// The picker against a naive model, over random histories.
import { Bitfield, createRng, type PieceIndex, type Rng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, it } from "vitest";
import { Pair } from "../testing/model.ts";

const IDS = 5;

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
    for (const { piece: whole, hashing } of pair.picker.partialPieces()) {
      if (!hashing) continue;
      if (rng() < 0.7) pair.store(whole);
      else pair.fail(whole);
    }
  } else if (roll < 93) {
    pair.store(piece);
  } else if (roll < 94) {
    pair.fail(piece);
  } else if (roll < 96) {
    pair.forget(piece);
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
