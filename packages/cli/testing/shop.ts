// A temporary folder, and the command line run in this process with its output kept.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRng } from "@shoal/core";
import { Interrupted } from "../src/error.ts";
import { run } from "../src/run.ts";

/** Relative paths and lengths. */
export type Payload = Readonly<Record<string, number>>;

/** Nested, with an empty file, nothing a whole number of pieces. */
export const MANY_FILES: Payload = {
  "a/first.bin": 300_001,
  "a/b/empty": 0,
  "a/b/ünï.txt": 70_000,
  "second.bin": 123_457,
};

/** One line of `--json`. */
export interface Line {
  readonly event: string;
  readonly code?: string;
  readonly files?: readonly { readonly path: string }[];
  readonly infoHash?: string;
  readonly port?: number;
  readonly received?: number;
  readonly seconds?: number;
}

/** A command that is running or has ended. */
export class Running {
  out = "";
  err = "";
  /** Settles with the exit code. */
  readonly code: Promise<number>;
  readonly #leaving = new AbortController();
  #wake: (() => void)[] = [];

  constructor(args: readonly string[], env: { DEBUG?: string; XDG_STATE_HOME?: string } = {}) {
    const stdout = {
      write: (text: string): void => {
        this.out += text;
        this.#wakeAll();
      },
    };
    const stderr = {
      write: (text: string): void => {
        this.err += text;
      },
    };
    const io = { stdout, stderr, env, signal: this.#leaving.signal };
    this.code = run(amongThemselves(args), io).finally(() => this.#wakeAll());
  }

  /** What `--json` printed so far. */
  get lines(): Line[] {
    const lines = this.out.split("\n").slice(0, -1);
    return lines.map((line): Line => JSON.parse(line));
  }

  /** The first line of `--json` with this event, as soon as it is there. */
  async line(event: string): Promise<Line> {
    let over = false;
    void this.code.then(() => {
      over = true;
    });
    for (;;) {
      const found = this.lines.find((line) => line.event === event);
      if (found) return found;
      if (over) throw new Error(`ended without a line '${event}':\n${this.out}${this.err}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Ctrl-C. */
  leave(): Promise<number> {
    this.#leaving.abort(new Interrupted(130));
    return this.code;
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** Arguments by which no test meets the world, nor the local network, nor another test's port. */
export function amongThemselves(args: readonly string[]): readonly string[] {
  if (args[0] !== "download" && args[0] !== "seed") return args;
  const alone = [...args, "--no-lsd", "--no-portmap"];
  if (!args.includes("--dht-bootstrap")) alone.push("--no-dht");
  if (!args.includes("--port")) alone.push("--port", "0");
  return alone;
}

/** A folder with commands that end with it. */
export class Shop {
  readonly folder: string = mkdtempSync(join(tmpdir(), "shoal-cli-"));
  readonly #started: Running[] = [];

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Writes files of pseudo-random bytes below `place`. */
  fill(place: string, payload: Payload): void {
    for (const [name, length] of Object.entries(payload)) {
      const rng = createRng(length);
      const bytes = Uint8Array.from({ length }, () => rng() * 256);
      this.write(join(place, name), bytes);
    }
  }

  /** @returns the file's path. */
  write(name: string, content: Uint8Array | string): string {
    const file = this.path(name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** Files below `place` with their bytes in hex. */
  read(place: string): Record<string, string> {
    const entries = readdirSync(this.path(place), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Object.fromEntries(
      files
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
        .map((file) => [
          file.slice(this.path(place).length + 1),
          readFileSync(file).toString("hex"),
        ]),
    );
  }

  start(...args: string[]): Running {
    const running = new Running(args);
    this.#started.push(running);
    return running;
  }

  /** Runs a command to its end. */
  async shoal(
    ...args: string[]
  ): Promise<{ code: number; out: string; err: string; lines: Line[] }> {
    const running = this.start(...args);
    const code = await running.code;
    const { out, err } = running;
    return { code, out, err, lines: args.includes("--json") ? running.lines : [] };
  }

  /** Fills `seed/payload` and makes its torrent. @returns the torrent's path. */
  async torrent(payload: Payload = MANY_FILES, ...options: string[]): Promise<string> {
    this.fill(join("seed", "payload"), payload);
    const file = this.path("payload.torrent");
    const args = [this.path("seed", "payload"), "-o", file, "--piece-length", "32K", ...options];
    const { code, err } = await this.shoal("create", ...args);
    if (code !== 0) throw new Error(err);
    return file;
  }

  /** Seeds `seed/payload`, which the torrent describes, until it is told to leave. */
  async seed(torrent: string, ...options: string[]): Promise<{ seeding: Running; peer: string }> {
    const place = ["--data", this.path("seed")];
    const seeding = this.start("seed", torrent, ...place, "--json", ...options);
    const { port } = await seeding.line("ready");
    return { seeding, peer: `127.0.0.1:${port}` };
  }

  /** Downloads to `leech`. */
  download(source: string, ...options: string[]): ReturnType<Shop["shoal"]> {
    return this.shoal("download", source, "-o", this.path("leech"), "--json", ...options);
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map((running) => running.leave()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
