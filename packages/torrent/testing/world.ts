// What the tests of this package share: virtual time, a session made of fakes, torrents, streams.
import { createHash } from "node:crypto";
import {
  createRng,
  Deadlines,
  type Duplex,
  type DuplexHandler,
  type Endpoint,
  endpoint,
  formatEndpoint,
  type PeerFeed,
  type PeerSource,
  type Rng,
  type SwarmFacts,
} from "@shoal/core";
import { createDiskIo, type DiskIo, memoryStore, type StoreFactory } from "@shoal/disk-io";
import { buildTorrent, type Metainfo, parseTorrent } from "@shoal/metainfo";
import { shakeHands } from "@shoal/peer";
import { ConnectionBudget, RateLimit } from "@shoal/policy";
import type { Connection } from "@shoal/swarm";
import type { TorrentHost } from "../src/host.ts";
import type { TorrentInit } from "../src/init.ts";
import { Torrent } from "../src/torrent.ts";

/** A torrent and its bytes. */
export interface Sample {
  readonly metainfo: Metainfo;
  readonly bytes: Buffer;
}

/** A torrent of pseudo-random bytes in files of these lengths. */
export function sample(
  lengths: readonly number[],
  pieceLength = 32_768,
  seed = 1,
  isPrivate = false,
): Sample {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const rng = createRng(seed);
  const bytes = Buffer.from(Uint8Array.from({ length: total }, () => Math.floor(rng() * 256)));
  const hashes: Buffer[] = [];
  for (let at = 0; at < total; at += pieceLength) {
    hashes.push(
      createHash("sha1")
        .update(bytes.subarray(at, at + pieceLength))
        .digest(),
    );
  }
  const file = buildTorrent({
    name: "sample",
    files: lengths.map((length, i) => ({ path: ["sample", `${i}`], length })),
    pieceLength,
    pieceHashes: Buffer.concat(hashes),
    isPrivate,
  });
  return { metainfo: parseTorrent(file), bytes };
}

/** Opens torrents on memory, and tells what happened in it. */
export interface TestStore extends StoreFactory {
  /** Thrown while set, instead of opening, reading or writing. */
  openError: Error | undefined;
  readError: Error | undefined;
  writeError: Error | undefined;
  /** All bytes of the torrent, zeros where nothing was written. */
  content(of: Sample): Promise<Buffer>;
}

/** A memory store, empty or with all data of a torrent. */
export async function testStore(of?: Sample): Promise<TestStore> {
  const inner = memoryStore();
  if (of !== undefined) {
    const { geometry } = of.metainfo;
    const store = await inner.open(layoutOf(of.metainfo));
    for (let piece = 0; piece < geometry.pieceCount; piece++) {
      const at = piece * geometry.pieceLength;
      await store.write(piece, 0, [of.bytes.subarray(at, at + geometry.pieceLength)]);
    }
  }
  const factory: TestStore = {
    openError: undefined,
    readError: undefined,
    writeError: undefined,
    open: async (layout) => {
      if (factory.openError !== undefined) throw factory.openError;
      const store = await inner.open(layout);
      return {
        read: (...args) => {
          if (factory.readError !== undefined) throw factory.readError;
          return store.read(...args);
        },
        write: (...args) => {
          if (factory.writeError !== undefined) throw factory.writeError;
          return store.write(...args);
        },
        flush: () => store.flush(),
        close: () => store.close(),
        isEmpty: () => store.isEmpty?.() ?? false,
        remove: () => store.remove?.(),
      };
    },
    content: async ({ metainfo, bytes }) => {
      const store = await inner.open(layoutOf(metainfo));
      const all = Buffer.alloc(bytes.length);
      const { pieceCount, pieceLength } = metainfo.geometry;
      for (let piece = 0; piece < pieceCount; piece++) {
        const at = piece * pieceLength;
        await store.read(piece, 0, [all.subarray(at, at + pieceLength)]);
      }
      return all;
    },
  };
  return factory;
}

/** An error like Node's. */
export function nodeError(code: string): Error {
  return Object.assign(new Error(`${code}: of a test`), { code });
}

/** Virtual time, turns of a virtual event loop, and who can be dialled. */
export class World {
  time = 0;
  readonly deadlines: Deadlines = new Deadlines();
  readonly rng: Rng = createRng(1);
  /** By endpoint: what becomes of a dial. Nobody answers at others, until the dialler gives up. */
  readonly listeners: Map<string, (duplex: Duplex) => void> = new Map();
  readonly #turns: (() => void)[] = [];

  /** Runs `turn` on its own, soon. */
  readonly defer = (turn: () => void): void => {
    this.#turns.push(turn);
  };

  /** A session for torrents: everything a torrent asks for. */
  host(changes: Partial<TorrentHost> = {}): TorrentHost & { readonly slots: FakeSlots } {
    return {
      clock: { now: () => this.time },
      deadlines: this.deadlines,
      rng: this.rng,
      entropy: (bytes) => Uint8Array.from({ length: bytes }, () => this.rng() * 256),
      disk: this.disk(),
      clientName: "Test",
      sources: [],
      blockSources: [],
      extensions: [],
      blocks: () => false,
      downloadLimit: new RateLimit(),
      uploadLimit: new RateLimit(),
      listenPort: () => 6881,
      sha1: (bytes) => createHash("sha1").update(bytes).digest(),
      defer: this.defer,
      budget: new ConnectionBudget(),
      dial: (to, signal) => this.dial(to, signal),
      ...changes,
      slots: new FakeSlots(),
    };
  }

  disk(cacheSize: number = 4 * 1024 * 1024): DiskIo {
    return createDiskIo({ cacheSize, execute: { defer: this.defer } });
  }

  /** A torrent that others reach at `192.0.2.<number>:6881`; not started. */
  torrent(
    number: number,
    metainfo: Metainfo,
    init: Partial<TorrentInit> = {},
    host: TorrentHost = this.host(),
  ): Torrent {
    const peerId = new Uint8Array(20).fill(number);
    const torrent = new Torrent(host, { origin: metainfo, store: memoryStore(), peerId, ...init });
    this.listeners.set(formatEndpoint(at(number)), (duplex) => {
      shakeHands(duplex, {
        now: () => this.time,
        deadlines: this.deadlines,
        answer: () => torrent.handshake,
        ready: (...args) => torrent.accept(...args),
        failed: () => {},
      });
    });
    return torrent;
  }

  /** Runs turns and promises until there are none. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const turn = this.#turns.shift();
      quiet = turn === undefined ? quiet + 1 : 0;
      turn?.();
    }
  }

  /** One turn, if there is one, and the promises before it. */
  async step(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#turns.shift()?.();
  }

  /** Lets time pass, with everything that happens in it. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await this.settle();
    for (let next = this.deadlines.nextDeadline(); next !== undefined && next <= end; ) {
      this.time = Math.max(this.time, next);
      this.deadlines.advance(this.time);
      await this.settle();
      next = this.deadlines.nextDeadline();
    }
    this.time = end;
  }

  /** Lets time pass until the promise settles. @throws if nothing is left that could settle it. */
  async until<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    const end = this.time + limitMs;
    for (;;) {
      await this.settle();
      if (isSettled) return promise;
      const next = this.deadlines.nextDeadline() ?? Number.POSITIVE_INFINITY;
      if (next > end) throw new Error("nothing will settle this promise");
      this.time = Math.max(this.time, next);
      this.deadlines.advance(this.time);
    }
  }

  /** What a host dials by. */
  dial(
    to: Endpoint,
    signal: AbortSignal,
    from: Endpoint = endpoint("192.0.2.254", 50_000 + nextPort++),
  ): Promise<Duplex> {
    const accept = this.listeners.get(formatEndpoint(to));
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (accept === undefined) return;
      this.defer(() => {
        if (signal.aborted) return;
        const [near, far] = this.pair(from, to);
        accept(far);
        resolve(near);
      });
    });
  }

  /** Two ends of a stream. */
  pair(a: Endpoint, b: Endpoint): [MemoryDuplex, MemoryDuplex] {
    const near = new MemoryDuplex(this.defer, a, b);
    const far = new MemoryDuplex(this.defer, b, a);
    near.other = far;
    far.other = near;
    return [near, far];
  }
}

let nextPort = 1;

/** Where the torrent of that number can be dialled. */
export function at(number: number): Endpoint {
  return endpoint(`192.0.2.${number}`, 6881);
}

/** Unchokes whoever is interested. */
export class FakeSlots {
  readonly log: string[] = [];
  interestChanged(connection: Connection): void {
    this.log.push(`interested ${connection.interested}`);
    connection.peer.setChoking(!connection.interested);
  }
  closed(): void {
    this.log.push("closed");
  }
}

/** One end of a stream in memory. */
export class MemoryDuplex implements Duplex {
  readonly kind = "memory";
  readonly local: Endpoint;
  readonly remote: Endpoint;
  other: MemoryDuplex | undefined;
  isDestroyed = false;
  readonly #defer: (turn: () => void) => void;
  #handler: DuplexHandler | undefined;
  readonly #arrived: Uint8Array[] = [];
  #isPaused = false;
  #written = 0;

  constructor(defer: (turn: () => void) => void, local: Endpoint, remote: Endpoint) {
    this.#defer = defer;
    this.local = local;
    this.remote = remote;
  }

  attach(handler: DuplexHandler): void {
    this.#handler = handler;
    this.#deliver();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isDestroyed) return;
    const copies = chunks.map((chunk) => new Uint8Array(chunk));
    for (const { length } of copies) this.#written += length;
    const total = this.#written;
    this.#defer(() => {
      if (!this.isDestroyed) this.#handler?.flushed(total);
      if (this.other === undefined) return;
      this.other.#arrived.push(...copies);
      this.other.#deliver();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.destroy();
  }

  destroy(error?: Error): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#defer(() => this.#handler?.closed(error));
    // What was written before still arrives.
    this.#defer(() => this.#defer(() => this.other?.destroy()));
  }

  #deliver(): void {
    if (this.#arrived.length === 0) return;
    this.#defer(() => {
      if (this.#isPaused || this.isDestroyed || this.#handler === undefined) return;
      const chunk = this.#arrived.shift();
      if (chunk === undefined) return;
      this.#handler.received(chunk);
      this.#deliver();
    });
  }
}

/** A source of peers that keeps a diary. */
export class FakeSource implements PeerSource {
  readonly name: string;
  readonly log: string[] = [];
  swarm: SwarmFacts | undefined;
  /** What closing a feed waits for. */
  goodbye: Promise<void> = Promise.resolve();

  constructor(name: string) {
    this.name = name;
  }

  open(swarm: SwarmFacts): PeerFeed {
    this.log.push("open");
    this.swarm = swarm;
    return {
      completed: () => void this.log.push("completed"),
      refresh: () => void this.log.push("refresh"),
      close: (signal) => {
        this.log.push("close");
        const aborted = new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
        return Promise.race([this.goodbye, aborted]);
      },
    };
  }

  async close(): Promise<void> {}
}

function layoutOf({ geometry, files, infoHashes }: Metainfo) {
  return {
    id: Buffer.from(infoHashes.v1 ?? []).toString("hex"),
    pieceLength: geometry.pieceLength,
    totalLength: geometry.totalLength,
    files,
  };
}
