// A client that is killed in the middle of a download, and run again on what it left.
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createRng } from "@shoal/core";
import { createSession, createTorrent, type Session, type Torrent } from "@shoal/session";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LOOPBACK } from "./loopback.fixture.ts";

const MIB = 2 ** 20;
const SIZE = 24 * MIB;
const PIECE = 128 * 1024;
/** What a killed client may have had in its cache and on its way. */
const SLACK = 6 * MIB;
const CLI = join(import.meta.dirname, "../packages/cli/src/main.ts");

let folder: string;
let seeder: Session;
let seed: Torrent;
/** Stands between the clients and the seeder, so that what they are sent is an event. */
let relay: Server;
/** Emits `sent` with the length of what has just come from the seeder. */
let wire: EventEmitter<{ sent: [bytes: number] }>;
let running: ChildProcess[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-crash-"));
  running = [];
  mkdirSync(join(folder, "seed/payload"), { recursive: true });
  // A piece lies in both files, and the second ends within a block.
  writeFileSync(join(folder, "seed/payload/a.bin"), randomBytes(SIZE / 3 + 5, 1));
  writeFileSync(join(folder, "seed/payload/b.bin"), randomBytes((SIZE / 3) * 2, 2));
  const bytes = await createTorrent(join(folder, "seed/payload"), { pieceLength: PIECE });
  writeFileSync(join(folder, "payload.torrent"), bytes);
  seeder = await createSession({
    ...LOOPBACK,
    uploadRateLimit: 24 * MIB,
  });
  seed = await seeder.add(bytes, { path: join(folder, "seed") });
  await seed.completed();
  wire = new EventEmitter();
  relay = createServer((client) => {
    const server = connect(seeder.port, "127.0.0.1");
    server.on("data", ({ length }) => wire.emit("sent", length));
    // Either end may go at any time.
    pipeline(client, server, client, () => {});
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
});
afterEach(async () => {
  for (const child of running) child.kill("SIGKILL");
  relay.close();
  await seeder.close();
  rmSync(folder, { recursive: true });
});

/** Begins to download into `<folder>/<place>`. */
function download(place: string): ChildProcess {
  const torrent = join(folder, "payload.torrent");
  const peer = `127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const options = [torrent, "-o", join(folder, place), "--peer", peer, "--port", "0"];
  const child = spawn(
    process.execPath,
    [
      "--conditions=shoal-source",
      CLI,
      "download",
      ...options,
      "--no-tracker",
      "--no-dht",
      "--no-lsd",
      "--no-portmap",
      "--json",
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: childEnv() },
  );
  running.push(child);
  return child;
}

/** Kills the client as soon as it was sent so much. @returns the signal that it ended by. */
async function killAfter(bytes: number, child: ChildProcess): Promise<NodeJS.Signals | null> {
  let left = bytes;
  wire.on("sent", (length) => {
    left -= length;
    if (left <= 0) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "exit");
  wire.removeAllListeners();
  return signal;
}

function expectEqual(place: string): void {
  for (const name of ["a.bin", "b.bin"]) {
    const [ours, theirs] = [place, "seed"].map((at) =>
      readFileSync(join(folder, at, "payload", name)),
    );
    expect(ours?.equals(theirs ?? Buffer.of()), name).toBe(true);
  }
}

it("goes on from what a killed download left, and never takes it on trust", async () => {
  for (const share of [0.02, 0.3, 0.25]) {
    expect(await killAfter(SIZE * share, download("leech"))).toBe("SIGKILL");
  }
  // A crash of the machine may tear what was not flushed: here in the middle of what has come.
  const torn = join(folder, "leech/payload/a.bin");
  const bytes = readFileSync(torn);
  const middle = bytes.length >> 1;
  bytes.fill(0, middle, middle + 5000);
  writeFileSync(torn, bytes);
  const [code] = await once(download("leech"), "exit");
  expect(code).toBe(0);
  expectEqual("leech");
  expect(seed.stats.uploaded).toBeGreaterThanOrEqual(SIZE);
  expect(seed.stats.uploaded).toBeLessThan(SIZE + 3 * SLACK);
  const before = seed.stats.uploaded;
  const [again] = await once(download("leech"), "exit");
  expect(again).toBe(0);
  expect(seed.stats.uploaded).toBe(before);
});

it("checks files that others put there before it writes, and writes only what is wrong", async () => {
  const path = join(folder, "other/payload");
  mkdirSync(path, { recursive: true });
  const whole = readFileSync(join(folder, "seed/payload/b.bin"));
  writeFileSync(join(path, "b.bin"), whole);
  const foreign = randomBytes(3 * PIECE + 100, 9);
  writeFileSync(join(path, "a.bin"), foreign);
  const [code] = await once(download("other"), "exit");
  expect(code).toBe(0);
  expectEqual("other");
  expect(statSync(join(path, "a.bin")).size).toBe(SIZE / 3 + 5);
  // All of the first file, and of the second what shares a piece with it.
  expect(seed.stats.uploaded).toBeLessThan(SIZE / 3 + 2 * PIECE + 5);
});

function randomBytes(length: number, rngSeed: number): Buffer {
  const rng = createRng(rngSeed);
  const words = Uint32Array.from({ length: Math.ceil(length / 4) }, () => rng() * 2 ** 32);
  return Buffer.from(words.buffer, 0, length);
}

/** Without what a test runner adds. */
function childEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}
