// Every store and every store around a store does what stores must; and one in objects carries a torrent.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fsStore, memoryStore, readOnly, type StoreFactory, slow, timed } from "@shoal/disk-io";
import { createSession, type Session } from "@shoal/session";
import { storeCompliance } from "@shoal/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOPBACK } from "./loopback.fixture.ts";
import { ObjectServer, objectStore } from "./object-store.fixture.ts";
import { contentOf, filledStore, makePayload } from "./simulated.fixture.ts";

let folder = "";
let server = new ObjectServer();
let url = "";
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-stores-"));
  server = new ObjectServer();
  url = await server.listen();
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const files = (): StoreFactory => fsStore({ path: join(folder, "data") });

/** Files of which none is wanted: all bytes go to the part file. */
function partsOnly(): StoreFactory {
  const inner = files();
  return {
    open: async (layout) => {
      const store = await inner.open(layout);
      await store.setWanted?.(layout.files.map(() => false));
      return store;
    },
  };
}

const STORES: Readonly<Record<string, () => StoreFactory>> = {
  fsStore: files,
  "fsStore, all space reserved": () => fsStore({ path: folder, allocate: "full" }),
  "fsStore, dropping behind": () => fsStore({ path: folder, dropBehind: true }),
  "fsStore, nothing wanted": partsOnly,
  "slow files": () => slow(files(), { bytesPerSecond: 1e9 }),
  "timed files": () => timed(files(), () => {}),
  "a slow, timed memoryStore": () => timed(slow(memoryStore(), {}), () => {}),
  "a store in objects": () => objectStore(url),
};

for (const [name, factory] of Object.entries(STORES)) {
  describe(name, () => {
    const isDurable = !name.includes("memory");
    for (const one of storeCompliance(() => ({ factory: factory(), isDurable }))) {
      it(one.name, one.run);
    }
  });
}

describe("a read-only store", () => {
  for (const { name, run } of storeCompliance(() => ({
    factory: readOnly(files()),
    isDurable: true,
  }))) {
    it(`${name}, or refuses to write`, async () => {
      const failure = await run().catch((error: unknown) => error);
      expect([undefined, "EROFS"]).toContain((failure as { code?: string } | undefined)?.code);
    });
  }
});

describe("a torrent in objects", () => {
  const payload = makePayload(16 * 65_536, 65_536);
  const id = Buffer.from(payload.metainfo.infoHashes.v1 ?? []).toString("hex");

  it("is downloaded piece by piece, survives a full server and a restart, and is seeded", async () => {
    const seeder = await open();
    const seeding = await seeder.add(payload.metainfo, { store: await filledStore(payload) });
    await seeding.completed();
    let leecher = await open();
    server.quota = 500_000;
    const options = { store: objectStore(url), peers: [peer(seeder)] };
    let torrent = await leecher.add(payload.metainfo, options);
    const error = await torrent.once("error");
    expect(error).toMatchObject({ code: "ERR_DISK_FULL" });
    // Pieces are uploaded once, whole.
    expect(server.objects.size).toBe(7);
    expect(new Set([...server.objects.values()].map(({ length }) => length))).toEqual(
      new Set([65_536]),
    );

    // What is there is found again by the server's checksums, and nothing else is asked for.
    await leecher.close().catch(() => {});
    server.requests.length = 0;
    leecher = await open();
    torrent = await leecher.add(payload.metainfo, { store: objectStore(url), paused: true });
    while (torrent.state !== "paused") await torrent.once("state");
    expect(torrent.progress.piecesDone).toBe(7);
    const asked = server.requests.filter((line) => line.includes(id));
    expect(new Set(asked)).toEqual(new Set([...server.objects.keys()].map((key) => `HEAD ${key}`)));

    server.quota = Number.POSITIVE_INFINITY;
    torrent.addPeers([peer(seeder)]);
    await torrent.resume();
    await torrent.completed();
    expect(server.objects.size).toBe(16);
    await seeder.close();

    const second = await open();
    const store = memoryStore();
    const copy = await second.add(payload.metainfo, { store, peers: [peer(leecher)] });
    await copy.completed();
    expect((await contentOf(store, payload)).equals(payload.bytes)).toBe(true);
    await second.close();
    await torrent.close({ deleteData: true });
    expect(server.objects.size).toBe(0);
    await leecher.close();
  });

  function open(): Promise<Session> {
    return createSession({ ...LOOPBACK, preset: "embedded" });
  }

  function peer({ port }: Session): { address: string; port: number } {
    return { address: "127.0.0.1", port };
  }
});
