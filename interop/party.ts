// The clients of a meeting on an island: where each listens and keeps its files.
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ForeignClient, Side, StartOptions } from "./client.ts";
import { ABROAD, islander } from "./island.ts";
import { libtorrent } from "./libtorrent.ts";
import { differences } from "./payloads.ts";
import { shoal } from "./shoal.ts";
import { transmission } from "./transmission.ts";

/** Who can come. */
export type ClientName = "libtorrent" | "shoal" | "transmission";

const CLIENTS: Readonly<Record<ClientName, ForeignClient>> = { libtorrent, shoal, transmission };

/** What a client is there for; the one between is connected to both others. */
export type Role = "seed" | "leech" | "between";

/** What travels, and where. */
export interface Files {
  readonly torrentFile: string;
  /** The file or folder that travels. */
  readonly root: string;
  /** An empty folder. */
  readonly work: string;
}

/** Addresses by role. */
const HOSTS: Readonly<Record<Role, number>> = { seed: 2, between: 3, leech: 4 };

/** The clients that are running, and their files. */
export class Party {
  readonly #files: Files;
  readonly #family: 4 | 6;
  readonly #abroad: readonly string[];
  readonly #sides: Side[] = [];

  /** @param abroad What {@link makeIsland} gave. */
  constructor(files: Files, family: 4 | 6, abroad: readonly string[]) {
    this.#files = files;
    this.#family = family;
    this.#abroad = abroad;
  }

  /**
   * Starts a client. Abroad are those that multicast, for others do not bind that to an address as we
   * do, and no one on its own machine hears transmission; and it is always there, to be only once.
   */
  async start(
    role: Role,
    name: ClientName,
    options: Pick<StartOptions, "find" | "downloadLimit" | "magnet">,
  ): Promise<Side> {
    const client = CLIENTS[name];
    const { torrentFile } = this.#files;
    const isAbroad = name === "transmission" || (name !== "shoal" && options.find?.by === "lsd");
    const work = join(this.#files.work, role);
    const dir = this.#folder(role);
    await mkdir(work, { recursive: true });
    await mkdir(dir, { recursive: true });
    const running = await client.start({
      ...options,
      role: role === "seed" ? "seed" : "leech",
      torrentFile,
      dir,
      work,
      address: islander(isAbroad ? ABROAD : HOSTS[role], this.#family),
      runner: isAbroad ? this.#abroad : undefined,
    });
    const side = { client, running };
    this.#sides.push(side);
    return side;
  }

  /** Between what is sent and what a client has on disk. */
  compare(role: Role): Promise<string[]> {
    const { root } = this.#files;
    return differences(root, join(this.#folder(role), basename(root)), { emptyFiles: true });
  }

  /** What all of them said. */
  logs(): string {
    return this.#sides.map(({ running }) => running.logs()).join("\n---\n");
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await Promise.all(this.#sides.map(({ running }) => running.close()));
  }

  #folder(role: Role): string {
    const { root, work } = this.#files;
    return role === "seed" ? dirname(root) : join(work, role, "out");
  }
}
