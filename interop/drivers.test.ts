// Proves the drivers: each foreign client against libtorrent, the reference, without Shoal.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aria2 } from "./aria2.ts";
import { libtorrent } from "./libtorrent.ts";
import { openWorkshop, type Transfer, type Workshop } from "./pair.ts";
import { transmission } from "./transmission.ts";
import { webtorrent } from "./webtorrent.ts";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

// Each client dials on one family what dials it on the other.
describe.for([
  { address: "127.0.0.1", dialler: "seed" },
  { address: "::1", dialler: "leech" },
] as const)("$address, the $dialler dials", ({ address, dialler }) => {
  const how: Omit<Transfer, "seed" | "leech"> = {
    kind: "multi",
    pieceLength: 256 * 1024,
    maker: "libtorrent",
    address,
    dialler,
  };

  describe.for([libtorrent, transmission, aria2, webtorrent])(
    "$name",
    { concurrent: true },
    (client) => {
      it("sends to libtorrent", async () => {
        expect(await workshop.transfer({ ...how, seed: client, leech: libtorrent })).toEqual([]);
      });

      it("gets from libtorrent", async () => {
        expect(await workshop.transfer({ ...how, seed: libtorrent, leech: client })).toEqual([]);
      });
    },
  );
});
