// Shoal against each foreign client: both directions, both families, small and large pieces.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aria2 } from "./aria2.ts";
import { libtorrent } from "./libtorrent.ts";
import { openWorkshop, type Transfer, type Workshop } from "./pair.ts";
import { shoal } from "./shoal.ts";
import { transmission } from "./transmission.ts";
import { webtorrent } from "./webtorrent.ts";

const KIB = 1024;

/** Each value of each property meets both directions; not each meets each of the others. */
const CASES: readonly Omit<Transfer, "seed" | "leech">[] = [
  { ...from("libtorrent"), kind: "single", pieceLength: 16 * KIB, ...on("127.0.0.1", "leech") },
  { ...from("shoal"), kind: "single", pieceLength: 256 * KIB, ...on("::1", "seed") },
  { ...from("libtorrent"), kind: "single", pieceLength: 4096 * KIB, ...on("127.0.0.1", "seed") },
  { ...from("shoal"), kind: "multi", pieceLength: 16 * KIB, ...on("::1", "leech") },
  { ...from("libtorrent"), kind: "multi", pieceLength: 256 * KIB, ...on("127.0.0.1", "seed") },
  { ...from("libtorrent"), kind: "multi", pieceLength: 4096 * KIB, ...on("::1", "leech") },
];

function from(maker: Transfer["maker"]): Pick<Transfer, "maker"> {
  return { maker };
}

function on(address: string, dialler: Transfer["dialler"]): Pick<Transfer, "address" | "dialler"> {
  return { address, dialler };
}

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

describe.for(CASES)(
  "$kind, pieces of $pieceLength, torrent by $maker, on $address, the $dialler dials",
  { concurrent: true },
  (how) => {
    it.for([libtorrent, transmission, aria2, webtorrent])("$name → shoal", async (client) => {
      expect(await workshop.transfer({ ...how, seed: client, leech: shoal })).toEqual([]);
    });

    it.for([libtorrent, transmission, aria2, webtorrent])("shoal → $name", async (client) => {
      expect(await workshop.transfer({ ...how, seed: shoal, leech: client })).toEqual([]);
    });
  },
);
