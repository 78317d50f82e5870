// Reads that wait behind a fence while their piece is forgotten: nothing wrong comes back to life.
import { Bitfield, blockIndex, pieceIndex } from "@shoal/core";
import { expect, it } from "vitest";
import { type Bench, bench, downloadAll, pushOut } from "../testing/bench.ts";
import { download, readBlock } from "../testing/torrent.ts";
import { NO_SLOT } from "./contract.ts";

const PIECE = pieceIndex(0);

/** A torrent whose first piece is stored, not cached, and asked for while a fence holds reads. */
async function postponed(
  fence: (b: Bench) => Promise<unknown>,
): Promise<{ b: Bench; fenced: Promise<unknown> }> {
  const b = await bench(4, 4 * 40);
  await downloadAll(b);
  await pushOut(b);
  b.handler.read.length = 0;
  b.store.diary.length = 0;
  const fenced = fence(b);
  expect(b.torrent.pin(PIECE, blockIndex(1), 1)).toBe(NO_SLOT);
  return { b, fenced };
}

/** How often the store was read for the piece. */
function readsOf({ store }: Bench): number {
  return store.diary.filter(([call, piece]) => call === "read" && piece === PIECE).length;
}

it("a discarded piece is not read, who waits is told, and it can be downloaded anew", async () => {
  const { b, fenced } = await postponed(({ torrent }) => torrent.flush());
  b.torrent.discard(PIECE);
  // Not in the same turn.
  expect(b.handler.read).toEqual([]);
  await fenced;
  await b.handler.until(() => b.handler.read.length > 0);
  expect(b.handler.read).toEqual([PIECE]);
  expect(readsOf(b)).toBe(0);
  const { length } = b.handler.stored;
  await download(b.torrent, b.data, PIECE);
  await b.handler.until(() => b.handler.stored.length > length);
  b.io.assertExact();
  await b.io.close();
});

it("a piece that a check found to be wrong can be downloaded anew", async () => {
  const pieces = new Bitfield(40);
  pieces.add(PIECE);
  const { b, fenced } = await postponed(async ({ torrent, store }) => {
    await store.wipe();
    return torrent.check({ pieces });
  });
  expect(await fenced).toMatchObject({ count: 0 });
  await b.handler.until(() => b.handler.read.length + b.handler.readErrors.length > 0);
  const { length } = b.handler.stored;
  await download(b.torrent, b.data, PIECE);
  await b.handler.until(() => b.handler.stored.length > length);
  b.io.assertExact();
  await b.io.close();
});

it("a piece that a check found to be right is read when it is asked for again", async () => {
  const { b, fenced } = await postponed(({ torrent }) => torrent.check());
  expect(await fenced).toMatchObject({ isFull: true });
  await b.handler.until(() => b.handler.read.length > 0);
  const bytes = await readBlock(b.torrent, b.handler, b.data, PIECE, blockIndex(1));
  expect(bytes.equals(b.data.bytes.subarray(16_384, 32_768))).toBe(true);
  await b.io.close();
});
