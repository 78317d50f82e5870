// Torrent files from paths and URLs.
import { close, fstat, open, read, readFile } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { HttpClient } from "@shoal/net";
import { SessionError } from "../error.ts";

/** The largest torrent file that is read, in bytes: libtorrent's bound. */
const MAX_BYTES = 10_000_000;

const TIMEOUT_MS = 60_000;

/**
 * Reads a torrent file.
 *
 * @throws SessionError `ERR_SESSION_SOURCE` for what is too large or answered by an error status;
 *   NetError; Node's file errors.
 */
export async function loadTorrent(
  http: HttpClient,
  source: string | URL,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const text = String(source);
  if (!/^https?:/i.test(text)) {
    const path = text.startsWith("file:") ? fileURLToPath(text) : text;
    return readWhole(path, signal);
  }
  const answer = await http.get(text, {
    maxBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
    ...(signal ? { signal } : {}),
  });
  if (answer.status !== 200) {
    throw new SessionError("ERR_SESSION_SOURCE", `${text} answered with status ${answer.status}`);
  }
  return answer.body;
}

// By descriptor, for of many small files a `FileHandle` each is most of the work.
const files = {
  open: promisify(open),
  stat: promisify(fstat),
  read: promisify(read),
  readAll: promisify(readFile),
  close: promisify(close),
};

async function readWhole(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const fd = await files.open(path, "r");
  try {
    const stats = await files.stat(fd);
    // A pipe does not say how much will come.
    if (!stats.isFile()) return await files.readAll(fd);
    const { size } = stats;
    if (size > MAX_BYTES) {
      throw new SessionError(
        "ERR_SESSION_SOURCE",
        `'${path}' has ${size} bytes; a torrent file has at most ${MAX_BYTES}`,
      );
    }
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let count = -1; length < size && count !== 0; length += count) {
      signal?.throwIfAborted();
      count = (await files.read(fd, bytes, length, size - length, length)).bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await files.close(fd);
  }
}
