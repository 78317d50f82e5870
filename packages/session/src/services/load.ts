// Torrent files from paths and URLs.
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
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
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw new SessionError(
        "ERR_SESSION_SOURCE",
        `'${path}' has ${size} bytes; a torrent file has at most ${MAX_BYTES}`,
      );
    }
    return readFile(path, signal ? { signal } : {});
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
