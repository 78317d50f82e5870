// Short words for scenarios: peers that join, picks as text, deliveries.
import { Bitfield, createRng, PieceGeometry, type PieceIndex } from "@shoal/core";
import { BlockList, type PickerOptions, type PickingPeer, PiecePicker } from "../src/index.ts";

export type TestPeer = { -readonly [K in keyof PickingPeer]: PickingPeer[K] };

const BLOCK = 16_384;
let ids = 0;

export function make(
  pieces: number,
  blocks: number,
  options?: Partial<PickerOptions>,
): PiecePicker {
  const geometry = new PieceGeometry(pieces * blocks * BLOCK, blocks * BLOCK);
  return new PiecePicker({ geometry, rng: createRng(1), initialRandomPieces: 0, ...options });
}

/** A connected peer with the given pieces; all of them by default. */
export function join(picker: PiecePicker, pieces?: Iterable<number>): TestPeer {
  const count = picker.have.length;
  const have = pieces ? new Bitfield(count) : Bitfield.full(count);
  for (const piece of pieces ?? []) have.add(piece);
  const peer: TestPeer = { id: ids++, have, snubbed: false, onParole: false };
  picker.peerBitfield(peer);
  return peer;
}

export interface Ask {
  contiguous?: number;
  allowed?: Bitfield;
}

/** Picks, and gives the blocks as "piece:block". */
export function pick(
  picker: PiecePicker,
  peer: PickingPeer,
  count: number,
  ask: Ask = {},
): string[] {
  const out = new BlockList();
  picker.pick(peer, count, ask.contiguous ?? 0, ask.allowed, out);
  picker.checkInvariants();
  return Array.from({ length: out.length }, (_, i) => `${out.piece(i)}:${out.block(i)}`);
}

/** Picks, and gives each block's piece. */
export function pickPieces(
  picker: PiecePicker,
  peer: PickingPeer,
  count: number,
  ask?: Ask,
): number[] {
  return pick(picker, peer, count, ask).map((block) => Number(block.split(":")[0]));
}

/** Delivers blocks that were picked, and stores what is complete. */
export function deliver(picker: PiecePicker, peer: PickingPeer, blocks: readonly string[]): void {
  for (const name of blocks) {
    const [piece, block] = name.split(":").map(Number) as [PieceIndex, never];
    if (picker.received(peer.id, piece, block) === "complete") picker.stored(piece);
  }
}

/** `pieces` 0…n−1, the first at one peer besides, the second at two… so the last is commonest. */
export function stairs(picker: PiecePicker, pieces: number): void {
  for (let from = 0; from < pieces; from++) {
    join(
      picker,
      Array.from({ length: pieces - from }, (_, i) => from + i),
    );
  }
}
