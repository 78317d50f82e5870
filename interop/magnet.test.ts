// Magnet links: metadata from each foreign client, and to it, with nothing but a connection between.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aria2 } from "./aria2.ts";
import { libtorrent } from "./libtorrent.ts";
import { openWorkshop, type Workshop } from "./pair.ts";
import { shoal } from "./shoal.ts";
import { transmission } from "./transmission.ts";
import { webtorrent } from "./webtorrent.ts";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

/** The metadata of 200 files with pieces of 16 KiB takes more than one of its pieces. */
const HOW = {
  maker: "libtorrent",
  kind: "multi",
  pieceLength: 16_384,
  address: "127.0.0.1",
  byMagnet: true,
} as const;

describe("a magnet link", { concurrent: true }, () => {
  it.for([libtorrent, transmission, aria2, webtorrent])("$name → shoal", async (client) => {
    const found = await workshop.transfer({ ...HOW, seed: client, leech: shoal, dialler: "leech" });
    expect(found).toEqual([]);
  });

  it.for([libtorrent, transmission, aria2, webtorrent])("shoal → $name", async (client) => {
    const found = await workshop.transfer({ ...HOW, seed: shoal, leech: client, dialler: "seed" });
    expect(found).toEqual([]);
  });
});
