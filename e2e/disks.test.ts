// Disks that are full, folders that can't be written, and traps in them: real files.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorCode } from "@shoal/core";
import { fsStore, memoryStore, type StoreFactory, type TorrentStore } from "@shoal/disk-io";
import { createSession, createTorrent, type Session, type Torrent } from "@shoal/session";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOPBACK } from "./loopback.fixture.ts";
import { contentOf, filledStore, makePayload } from "./simulated.fixture.ts";

const PAYLOAD = makePayload(3_000_000, 32_768);
const OPTIONS = { ...LOOPBACK, cacheSize: 4 << 20 };

let folder: string;
let seeder: Session;
let leecher: Session;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-disks-"));
  seeder = await createSession(OPTIONS);
  leecher = await createSession(OPTIONS);
});

afterEach(async () => {
  await Promise.allSettled([seeder.close(), leecher.close()]);
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true });
});

const seedAddress = () => ({ address: "127.0.0.1", port: seeder.port });

async function failure(torrent: Torrent): Promise<string> {
  const error = torrent.error ?? (await torrent.once("error"));
  expect(torrent.state).toBe("error");
  expect(error.message).not.toContain("\n");
  return errorCode(error);
}

/** A store that takes so many bytes and then says that the disk is full. */
function limited(inner: StoreFactory, disk: { space: number }): StoreFactory {
  return {
    open: async (layout): Promise<TorrentStore> => {
      const store = await inner.open(layout);
      return {
        read: (...args) => store.read(...args),
        write: (piece, begin, from) => {
          disk.space -= from.reduce((sum, { length }) => sum + length, 0);
          if (disk.space < 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
          return store.write(piece, begin, from);
        },
        flush: () => store.flush(),
        close: () => store.close(),
        isEmpty: () => store.isEmpty?.() ?? false,
      };
    },
  };
}

describe("a full disk", () => {
  it.each([0, 100_000, 2_999_999])(
    "of %i bytes stops the torrent, which goes on when there is space, without loss",
    async (space) => {
      await seeder.add(PAYLOAD.metainfo, { store: await filledStore(PAYLOAD) });
      const disk = { space };
      const inner = memoryStore();
      const torrent = await leecher.add(PAYLOAD.metainfo, { store: limited(inner, disk) });
      const stored: number[] = [];
      torrent.on("piece", (piece) => stored.push(piece));
      await seeder.torrents[0]?.completed();
      torrent.addPeers([seedAddress()]);
      expect(await failure(torrent)).toBe("ERR_DISK_FULL");
      expect(torrent.peers).toEqual([]);
      const { received } = torrent.stats;
      disk.space = Number.POSITIVE_INFINITY;
      await torrent.resume();
      torrent.addPeers([seedAddress()]);
      await torrent.completed();
      expect((await contentOf(inner, PAYLOAD)).equals(PAYLOAD.bytes)).toBe(true);
      expect(new Set(stored).size).toBe(stored.length);
      // What had been received and could not be written was kept.
      const lostAtMost = 64 * 16_384;
      expect(torrent.stats.received).toBeLessThan(PAYLOAD.bytes.length + lostAtMost);
      expect(received).toBeLessThanOrEqual(PAYLOAD.bytes.length);
    },
  );

  it("does not keep a session from closing, which says what was lost", async () => {
    await seeder.add(PAYLOAD.metainfo, { store: await filledStore(PAYLOAD) });
    const torrent = await leecher.add(PAYLOAD.metainfo, {
      store: limited(memoryStore(), { space: 0 }),
    });
    await seeder.torrents[0]?.completed();
    torrent.addPeers([seedAddress()]);
    await failure(torrent);
    await expect(leecher.close()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    expect(leecher.stats.disk).toMatchObject({ dirty: 0, pinned: 0, openHandles: 0 });
  });
});

describe("a folder with a trap", () => {
  let bytes: Uint8Array;

  beforeEach(async () => {
    const payload = join(folder, "seed", "payload");
    mkdirSync(join(payload, "inner"), { recursive: true });
    writeFileSync(join(payload, "inner", "file.bin"), Buffer.alloc(100_000, 1));
    writeFileSync(join(payload, "other.bin"), Buffer.alloc(100_000, 2));
    bytes = await createTorrent(payload, { pieceLength: 32_768 });
    const seed = await seeder.add(bytes, { path: join(folder, "seed") });
    await seed.completed();
  });

  async function attempt(): Promise<Torrent> {
    return leecher.add(bytes, { path: join(folder, "leech"), peers: [seedAddress()] });
  }

  async function recovers(torrent: Torrent): Promise<void> {
    await torrent.resume();
    torrent.addPeers([seedAddress()]);
    await torrent.completed();
    const file = readFileSync(join(folder, "leech", "payload", "inner", "file.bin"));
    expect(file.equals(Buffer.alloc(100_000, 1))).toBe(true);
  }

  it("that can't be written", async () => {
    mkdirSync(join(folder, "leech"));
    chmodSync(folder, 0o755);
    chmodSync(join(folder, "leech"), 0o555);
    // Modes mean nothing to root, so be somebody else for a while.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const torrent = await attempt();
      expect(await failure(torrent)).toBe("ERR_DISK_ACCESS");
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    chmodSync(join(folder, "leech"), 0o755);
    const [torrent] = leecher.torrents;
    if (torrent !== undefined) await recovers(torrent);
  });

  it("a file where a folder should be", async () => {
    mkdirSync(join(folder, "leech", "payload"), { recursive: true });
    writeFileSync(join(folder, "leech", "payload", "inner"), "precious");
    const torrent = await attempt();
    expect(await failure(torrent)).toBe("ERR_DISK_EXISTS");
    expect(readFileSync(join(folder, "leech", "payload", "inner"), "utf8")).toBe("precious");
    rmSync(join(folder, "leech", "payload", "inner"));
    await recovers(torrent);
  });

  it("a folder where a file should be", async () => {
    mkdirSync(join(folder, "leech", "payload", "other.bin"), { recursive: true });
    const torrent = await attempt();
    expect(await failure(torrent)).toBe("ERR_DISK_EXISTS");
    rmSync(join(folder, "leech", "payload", "other.bin"), { recursive: true });
    await recovers(torrent);
  });

  it("a file where the target folder should be", async () => {
    writeFileSync(join(folder, "leech"), "precious");
    const torrent = await attempt();
    expect(await failure(torrent)).toMatch(/^ERR_DISK_(EXISTS|ACCESS)$/);
    expect(readFileSync(join(folder, "leech"), "utf8")).toBe("precious");
    rmSync(join(folder, "leech"));
    await recovers(torrent);
  });

  it.each([
    ["folder", "inner"],
    ["file", "other.bin"],
  ])("a symbolic link that leads outside in place of a %s", async (kind, name) => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    if (kind === "file") writeFileSync(join(outside, "precious"), "precious");
    mkdirSync(join(folder, "leech", "payload"), { recursive: true });
    const target = kind === "file" ? join(outside, "precious") : outside;
    symlinkSync(target, join(folder, "leech", "payload", name));
    const torrent = await attempt();
    expect(await failure(torrent)).toMatch(/^ERR_DISK_(ACCESS|EXISTS)$/);
    if (kind === "file") expect(readFileSync(target, "utf8")).toBe("precious");
    expect(readdirSync(outside)).toEqual(kind === "file" ? ["precious"] : []);
    rmSync(join(folder, "leech", "payload", name));
    await recovers(torrent);
  });
});

it("writes nothing outside the folder that it is given", async () => {
  await seeder.add(PAYLOAD.metainfo, { store: await filledStore(PAYLOAD) });
  await seeder.torrents[0]?.completed();
  const path = join(folder, "deep", "er");
  const torrent = await leecher.add(PAYLOAD.metainfo, {
    store: fsStore({ path }),
    peers: [seedAddress()],
  });
  await torrent.completed();
  expect(readdirSync(folder)).toEqual(["deep"]);
  expect(readdirSync(path)).toEqual(["payload"]);
  await leecher.remove(torrent, { deleteData: true });
  expect(existsSync(join(path, "payload"))).toBe(false);
});
