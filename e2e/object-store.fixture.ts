// A store in objects, one for each piece, and a server in the manner of S3 that keeps them.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { StoreFactory, StoreLayout, TorrentStore } from "@shoal/disk-io";

/** Puts, gets, lists and deletes objects by path. */
export class ObjectServer {
  readonly objects: Map<string, Buffer> = new Map();
  /** What it was asked, as `PUT /name`. */
  readonly requests: string[] = [];
  /** Bytes that it takes in all. */
  quota: number = Number.POSITIVE_INFINITY;
  readonly #server: Server = createServer((request, response) => {
    void this.#answer(request, response);
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  get free(): number {
    let used = 0;
    for (const { length } of this.objects.values()) used += length;
    return this.quota - used;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://server");
    const prefix = searchParams.get("prefix");
    const body = await buffer(request);
    this.requests.push(`${request.method} ${pathname}`);
    if (prefix !== null) {
      const names = [...this.objects.keys()].filter((name) => name.startsWith(`/${prefix}`));
      const keys = names.map((name) => `<Contents><Key>${name.slice(1)}</Key></Contents>`);
      response.setHeader("x-free", this.free);
      response.end(`<ListBucketResult>${keys.join("")}</ListBucketResult>`);
    } else if (request.method === "PUT") {
      const fits = body.length <= this.free + (this.objects.get(pathname)?.length ?? 0);
      if (fits) this.objects.set(pathname, body);
      response.writeHead(fits ? 200 : 507).end();
    } else if (request.method === "DELETE") {
      this.objects.delete(pathname);
      response.writeHead(204).end();
    } else {
      this.#get(this.objects.get(pathname), request.headers.range, response);
    }
  }

  #get(object: Buffer | undefined, range: string | undefined, response: ServerResponse): void {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (object === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader(CHECKSUM, createHash("sha1").update(object).digest("base64"));
    if (start === undefined) response.end(object);
    else response.writeHead(206).end(object.subarray(Number(start), Number(end) + 1));
  }
}

/** S3 keeps a checksum of each object, of the kind that it is asked for when that is put. */
const CHECKSUM = "x-amz-checksum-sha1";

/** Keeps pieces as objects `<id>/<piece>`; pieces that are not whole yet, in memory until a flush. */
export function objectStore(url: string): StoreFactory {
  return {
    open: async (layout) => {
      const store = new ObjectStore(url, layout);
      await store.list();
      return store;
    },
  };
}

class ObjectStore implements TorrentStore {
  readonly #url: string;
  readonly #layout: StoreLayout;
  /** Pieces that there are objects of. */
  readonly #stored = new Set<number>();
  /** Bytes that no object has yet. */
  readonly #pending = new Map<number, Promise<Buffer>>();

  constructor(url: string, layout: StoreLayout) {
    this.#url = url;
    this.#layout = layout;
  }

  async list(): Promise<Response> {
    const response = await this.#ask("GET", `?prefix=${this.#layout.id}/`);
    const names = await response.text();
    for (const [, piece] of names.matchAll(/<Key>[^<]*\/(\d+)<\/Key>/g)) {
      this.#stored.add(Number(piece));
    }
    return response;
  }

  async read(piece: number, begin: number, into: readonly Uint8Array[]): Promise<number> {
    let bytes: Buffer;
    const pending = this.#pending.get(piece);
    if (pending !== undefined) {
      bytes = (await pending).subarray(begin);
    } else {
      if (!this.#stored.has(piece)) return 0;
      const length = into.reduce((sum, view) => sum + view.length, 0);
      const range = `bytes=${begin}-${begin + length - 1}`;
      bytes = await this.#get(piece, range);
    }
    let done = 0;
    for (const view of into) {
      const part = bytes.subarray(done, done + view.length);
      view.set(part);
      done += part.length;
    }
    return done;
  }

  async write(piece: number, begin: number, from: readonly Uint8Array[]): Promise<void> {
    // Copied at once: the memory is used for other blocks afterwards.
    const copies = Buffer.concat(from);
    let pending = this.#pending.get(piece);
    if (pending === undefined) {
      pending = this.#start(piece);
      this.#pending.set(piece, pending);
    }
    copies.copy(await pending, begin);
  }

  async commit(piece: number): Promise<void> {
    const bytes = await this.#pending.get(piece);
    if (bytes === undefined) return;
    await this.#ask("PUT", `/${this.#layout.id}/${piece}`, { body: new Uint8Array(bytes) });
    this.#stored.add(piece);
    this.#pending.delete(piece);
  }

  async flush(): Promise<void> {
    for (const piece of this.#pending.keys()) await this.commit(piece);
  }

  async hash(piece: number): Promise<Uint8Array | undefined> {
    if (this.#pending.has(piece) || !this.#stored.has(piece)) return undefined;
    const { headers } = await this.#ask("HEAD", `/${this.#layout.id}/${piece}`);
    const checksum = headers.get(CHECKSUM);
    return checksum === null ? undefined : Buffer.from(checksum, "base64");
  }

  present(): Iterable<number> {
    return [...this.#stored, ...this.#pending.keys()];
  }

  async capacity(): Promise<number> {
    return Number((await this.list()).headers.get("x-free"));
  }

  async remove(): Promise<void> {
    this.#pending.clear();
    for (const piece of this.#stored) await this.#ask("DELETE", `/${this.#layout.id}/${piece}`);
    this.#stored.clear();
  }

  close(): void {
    this.#pending.clear();
  }

  /** Memory for a piece, with what was stored of it before. */
  async #start(piece: number): Promise<Buffer> {
    const { pieceLength, totalLength } = this.#layout;
    const bytes = Buffer.alloc(Math.min(pieceLength, totalLength - piece * pieceLength));
    if (this.#stored.has(piece)) (await this.#get(piece)).copy(bytes);
    return bytes;
  }

  async #get(piece: number, range?: string): Promise<Buffer> {
    const headers = range === undefined ? {} : { range };
    const response = await this.#ask("GET", `/${this.#layout.id}/${piece}`, { headers });
    return Buffer.from(await response.arrayBuffer());
  }

  async #ask(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.#url}${path}`, { ...init, method });
    if (response.ok) return response;
    const code = CODES[response.status] ?? "EIO";
    throw Object.assign(new Error(`the server answered ${response.status}`), { code });
  }
}

const CODES: Readonly<Record<number, string>> = { 403: "EACCES", 404: "ENOENT", 507: "ENOSPC" };
