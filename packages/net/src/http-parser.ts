// Reads HTTP/1.1 answers off a connection, strictly: what could be read in two ways is refused.
import { NetError } from "./error.ts";

/** The first part of an answer. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; repeated fields are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection can take another request when the body is over. */
  readonly keepAlive: boolean;
}

/** What a {@link ResponseParser} finds. */
export interface ResponseSink {
  head(head: ResponseHead): void;
  /** The next bytes of the body: a view of what was pushed. */
  body(chunk: Uint8Array): void;
  /** The answer is complete; the next one may follow. */
  done(): void;
}

/** Bytes of one head, and of all trailers of a chunked body. */
const MAX_HEAD = 16_384;
/** Heads of status 1xx before the one that counts. */
const MAX_INTERIM = 10;
/** Bytes of the line before a chunk, its extensions included. */
const MAX_CHUNK_LINE = 1024;

type State = "head" | "length" | "close" | "chunk size" | "chunk" | "chunk end" | "trailers";

/** The answers of one connection, one after the other, to requests that are not HEAD. */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #state: State = "head";
  /** What was read of a head or line that is not complete. */
  #text = "";
  /** Bytes left of the body or chunk; in `trailers`, that more of them may have. */
  #left = 0;
  #interim = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** Whether nothing of an answer has come since the last one was complete. */
  get isBetween(): boolean {
    return this.#state === "head" && this.#text === "" && this.#interim === 0;
  }

  /**
   * Reads on, as far as the next call to the sink, or two if the body ends there. Nothing happens here
   * after them.
   *
   * @param bytes At least one.
   * @returns how many were used, at least one.
   * @throws NetError `ERR_NET_BAD_RESPONSE`, `ERR_NET_TOO_LARGE`. The connection is of no use then.
   */
  push(bytes: Uint8Array): number {
    switch (this.#state) {
      case "head":
        return this.#head(bytes);
      case "length":
      case "chunk":
        return this.#bounded(bytes);
      case "close":
        this.#sink.body(bytes);
        return bytes.length;
      case "chunk size":
        return this.#line(bytes, MAX_CHUNK_LINE, (line) => this.#chunkSize(line));
      case "chunk end":
        return this.#line(bytes, 2, (line) => this.#chunkEnd(line));
      case "trailers":
        return this.#line(bytes, this.#left, (line) => this.#trailer(line));
    }
  }

  /** The remote has ended the connection. @returns whether that completed the answer. */
  finish(): boolean {
    if (this.#state !== "close") return false;
    this.#done();
    return true;
  }

  #head(bytes: Uint8Array): number {
    const before = this.#text.length;
    this.#text += latin1(bytes.subarray(0, MAX_HEAD - before));
    const end = this.#text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (this.#text.length >= MAX_HEAD) throw tooLong();
      return this.#text.length - before;
    }
    const text = this.#text.slice(0, end);
    this.#text = "";
    this.#begin(parseHead(text));
    return end + 4 - before;
  }

  #begin({ head, framing, length }: ParsedHead): void {
    if (head.status < 200) {
      if (head.status === 101 || ++this.#interim > MAX_INTERIM) {
        throw malformed(`status ${head.status}`);
      }
      return;
    }
    this.#interim = 0;
    this.#left = length;
    this.#state = framing;
    this.#sink.head(head);
    if (framing === "length" && length === 0) this.#done();
  }

  #bounded(bytes: Uint8Array): number {
    const used = Math.min(bytes.length, this.#left);
    const isChunk = this.#state === "chunk";
    this.#left -= used;
    if (this.#left === 0 && isChunk) this.#state = "chunk end";
    this.#sink.body(used === bytes.length ? bytes : bytes.subarray(0, used));
    if (this.#left === 0 && !isChunk) this.#done();
    return used;
  }

  #done(): void {
    this.#state = "head";
    this.#sink.done();
  }

  /** @param limit Bytes that the line may have, its end included. */
  #line(bytes: Uint8Array, limit: number, take: (line: string) => void): number {
    const before = this.#text.length;
    this.#text += latin1(bytes.subarray(0, limit - before));
    const end = this.#text.indexOf("\r\n");
    if (end < 0) {
      if (this.#text.length >= limit) throw malformed("its chunks are not separated");
      return this.#text.length - before;
    }
    const line = this.#text.slice(0, end);
    this.#text = "";
    take(line);
    return end + 2 - before;
  }

  #chunkSize(line: string): void {
    const size = /^([\da-f]{1,13})[\t ]*(?:;|$)/i.exec(line)?.[1];
    if (size === undefined || line.includes("\n")) throw malformed("the size of a chunk");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk";
    if (this.#left === 0) this.#left = MAX_HEAD;
  }

  #chunkEnd(line: string): void {
    if (line !== "") throw malformed("the end of a chunk");
    this.#state = "chunk size";
  }

  /** Trailers are of no use here. */
  #trailer(line: string): void {
    this.#left -= line.length + 2;
    if (line === "") this.#done();
    else if (this.#left <= 0) throw tooLong();
  }
}

interface ParsedHead {
  readonly head: ResponseHead;
  readonly framing: "length" | "close" | "chunk size";
  readonly length: number;
}

function parseHead(text: string): ParsedHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, code] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(first) ?? [];
  if (minor === undefined || /[\r\n\0]/.test(first)) throw malformed("no HTTP/1.1 at all");
  const status = Number(code);
  const headers = parseFields(lines);
  const { connection: wish = "" } = headers;
  const connection = wish.toLowerCase().split(/[\t ]*,[\t ]*/);
  const isKept = minor === "1" ? !connection.includes("close") : connection.includes("keep-alive");
  const framed = frame(status, headers);
  const keepAlive = isKept && framed.framing !== "close";
  return { head: { status, headers, keepAlive }, ...framed };
}

/** How long the body is: RFC 9112 §6.3, without what it allows for the sake of old servers. */
function frame(
  status: number,
  headers: Readonly<Record<string, string>>,
): Pick<ParsedHead, "framing" | "length"> {
  const coding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (status < 200 || status === 204 || status === 304) return { framing: "length", length: 0 };
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked" || length !== undefined) {
      throw malformed(`transfer-encoding '${coding}'`);
    }
    return { framing: "chunk size", length: 0 };
  }
  if (length === undefined) return { framing: "close", length: 0 };
  if (!/^\d{1,15}$/.test(length)) throw malformed(`content-length '${length}'`);
  return { framing: "length", length: Number(length) };
}

function parseFields(lines: readonly string[]): Readonly<Record<string, string>> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([^\r\n\0]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed("a header field");
    const key = name.toLowerCase();
    const before = fields.get(key);
    const text = value.trimEnd();
    fields.set(key, before === undefined ? text : `${before}, ${text}`);
  }
  return Object.fromEntries(fields);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function malformed(what: string): NetError {
  return new NetError("ERR_NET_BAD_RESPONSE", `the server's answer is malformed: ${what}`);
}

function tooLong(): NetError {
  return new NetError("ERR_NET_TOO_LARGE", `the answer's header has over ${MAX_HEAD} bytes`);
}
