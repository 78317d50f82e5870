// Reads the answer of a small web server, however it is cut, up to a bound.

/** Bytes of the largest answer; descriptions of real gateways have some 10 kB. */
const MOST_BYTES = 64 * 1024;

/** An HTTP/1.x answer as it comes in. Never throws. */
export class HttpAnswer {
  /** Everything has come. */
  isComplete = false;
  /** It is too large or no HTTP; what follows is dropped. */
  isBroken = false;
  readonly #bytes: Uint8Array = new Uint8Array(MOST_BYTES);
  #length = 0;
  #head: Head | undefined;

  /** Takes the next bytes. */
  receive(chunk: Uint8Array): void {
    if (this.isComplete || this.isBroken) return;
    if (this.#length + chunk.length > MOST_BYTES) {
      this.isBroken = true;
      return;
    }
    this.#bytes.set(chunk, this.#length);
    // The end of the head may be cut itself.
    const searched = Math.max(0, this.#length - 3);
    this.#length += chunk.length;
    this.#head ??= this.#readHead(searched);
    const { start = 0, length, chunked } = this.#head ?? {};
    if (length !== undefined) this.isComplete = this.#length >= start + length;
    // Such a server may keep the connection open; its last chunk is as good as the end. The line end
    // before it may be that of the head.
    if (chunked && endsIn(this.#bytes.subarray(start - 2, this.#length), LAST_CHUNK)) this.end();
  }

  /** The connection is over. */
  end(): void {
    if (this.isComplete || this.isBroken) return;
    const { length, chunked } = this.#head ?? {};
    this.isBroken =
      this.#head === undefined ||
      length !== undefined ||
      (chunked === true && this.#unchunked() === undefined);
    this.isComplete = !this.isBroken;
  }

  /** What came, once it is complete. */
  read(): { readonly status: number; readonly body: string } {
    const { status = 0, start = 0, length, chunked } = this.#head ?? {};
    const end = length === undefined ? this.#length : start + length;
    const body = chunked ? this.#unchunked() : this.#bytes.subarray(start, end);
    return { status, body: new TextDecoder().decode(body) };
  }

  #readHead(from: number): Head | undefined {
    const end = indexOf(this.#bytes.subarray(0, this.#length), HEAD_END, from);
    if (end < 0) return undefined;
    const text = new TextDecoder("latin1").decode(this.#bytes.subarray(0, end));
    const status = /^HTTP\/1\.\d (\d{3})/.exec(text)?.[1];
    if (status === undefined) this.isBroken = true;
    const length = /\r\ncontent-length:\s*(\d{1,9})\s*(?:\r\n|$)/i.exec(text)?.[1];
    const chunked = /\r\ntransfer-encoding:\s*chunked\s*(?:\r\n|$)/i.test(text);
    return {
      status: Number(status),
      start: end + HEAD_END.length,
      length: length === undefined || chunked ? undefined : Number(length),
      chunked,
    };
  }

  /** The body without the framing of RFC 9112 §7.1; undefined if that is broken. */
  #unchunked(): Uint8Array | undefined {
    const all = this.#bytes.subarray(this.#head?.start ?? 0, this.#length);
    const body = new Uint8Array(all.length);
    let size = 0;
    for (let at = 0; ; ) {
      const lineEnd = indexOf(all, LINE_END, at);
      if (lineEnd < 0) return undefined;
      const line = new TextDecoder("latin1").decode(all.subarray(at, lineEnd));
      const digits = /^([0-9a-f]{1,6})\s*(?:;|$)/i.exec(line)?.[1];
      if (digits === undefined) return undefined;
      const length = Number.parseInt(digits, 16);
      if (length === 0) return body.subarray(0, size);
      const start = lineEnd + LINE_END.length;
      if (start + length > all.length) return undefined;
      body.set(all.subarray(start, start + length), size);
      size += length;
      at = start + length + LINE_END.length;
    }
  }
}

interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly start: number;
  /** Bytes of the body; undefined if it ends with the connection. */
  readonly length: number | undefined;
  readonly chunked: boolean;
}

const ascii = new TextEncoder();
const LINE_END = ascii.encode("\r\n");
const HEAD_END = ascii.encode("\r\n\r\n");
const LAST_CHUNK = ascii.encode("\r\n0\r\n\r\n");

function indexOf(bytes: Uint8Array, part: Uint8Array, from: number): number {
  const [first = 0] = part;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function endsIn(bytes: Uint8Array, part: Uint8Array): boolean {
  return part.every((byte, i) => bytes[bytes.length - part.length + i] === byte);
}
