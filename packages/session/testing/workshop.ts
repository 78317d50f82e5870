// What the tests of this package share: a temporary folder, payloads in it, and sessions on loopback.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRng, type Endpoint, endpoint } from "@shoal/core";
import type { Torrent } from "@shoal/torrent";
import { type CreateSessionOptions, createSession } from "../src/create-session.ts";
import { type CreateTorrentOptions, createTorrent } from "../src/create-torrent.ts";
import type { Session } from "../src/session.ts";

/** Relative paths and lengths. */
export type Payload = Readonly<Record<string, number>>;

/** Several files, nested, one empty, none of a whole number of blocks. */
export const MANY_FILES: Payload = {
  "a/first.bin": 300_001,
  "a/b/empty": 0,
  "a/b/ünï.txt": 70_000,
  "second.bin": 123_457,
  "tiny.txt": 3,
};

/** A folder with sessions that come and go with it. */
export class Workshop {
  readonly folder: string = mkdtempSync(join(tmpdir(), "shoal-session-"));
  readonly #sessions: Session[] = [];

  /** A folder of its own inside. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** A session on a free port of loopback that only knows whom it is told of. */
  async session(options: CreateSessionOptions = {}): Promise<Session> {
    const session = await createSession({
      port: 0,
      bind: ["127.0.0.1"],
      trackers: false,
      dht: false,
      lsd: false,
      portMapping: false,
      cacheSize: 8 * 1024 * 1024,
      ...options,
    });
    this.#sessions.push(session);
    return session;
  }

  /** Writes files of pseudo-random bytes to `<folder>/<place>/payload/…` and makes their torrent. */
  async torrent(
    place: string,
    payload: Payload,
    options: CreateTorrentOptions = {},
  ): Promise<Uint8Array> {
    for (const [name, length] of Object.entries(payload)) {
      write(join(this.folder, place, "payload", name), randomBytes(length, name.length));
    }
    return createTorrent(join(this.folder, place, "payload"), { pieceLength: 32_768, ...options });
  }

  /** The files below `<folder>/<place>` and their bytes. */
  files(place: string): Map<string, Buffer> {
    return filesBelow(join(this.folder, place));
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
    rmSync(this.folder, { recursive: true });
  }
}

/** Where a session can be dialled on loopback. */
export function reach(session: Session, address = "127.0.0.1"): Endpoint {
  return endpoint(address, session.port);
}

/** Resolves when the torrent is in the state, be it now. */
export async function until(torrent: Torrent, state: Torrent["state"]): Promise<void> {
  while (torrent.state !== state) await torrent.once("state");
}

export function randomBytes(length: number, seed: number): Buffer {
  const rng = createRng(seed);
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 4) {
    const value = Math.floor(rng() * 2 ** 32);
    for (let i = 0; i < Math.min(4, length - at); i++) bytes[at + i] = value >>> (8 * i);
  }
  return bytes;
}

export function write(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

export function filesBelow(folder: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(path.slice(folder.length + 1), readFileSync(path));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
