// Blocklists from files and URLs, packed with gzip or not.
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { errorCode } from "@shoal/core";
import type { HttpClient } from "@shoal/net";
import { type Blocklist, parseBlocklist } from "@shoal/policy";
import { SessionError } from "../error.ts";

/** Bytes that a list may have, as it comes and unpacked: the largest that are published have 1/5. */
const MAX_BYTES = 256 * 2 ** 20;

const TIMEOUT_MS = 10 * 60_000;

const unpack = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip);

/**
 * Loads a blocklist. Reading a million lines takes about half a second of this thread.
 *
 * @param source A path, or a `file:`, `http:` or `https:` URL.
 * @throws SessionError `ERR_SESSION_BLOCKLIST` for what is too large, damaged, answered by an error
 *   status, or has lines but not one range; NetError; Node's file errors; the signal's reason.
 */
export async function loadBlocklist(
  http: HttpClient,
  source: string | URL,
  signal?: AbortSignal,
): Promise<Blocklist> {
  signal?.throwIfAborted();
  const text = String(source);
  const bytes = /^https?:/i.test(text)
    ? await download(http, text, signal)
    : await readWhole(text.startsWith("file:") ? fileURLToPath(text) : text, signal);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const list = parseBlocklist(isPacked ? await unpacked(bytes, text) : bytes);
  signal?.throwIfAborted();
  // Not to block at all is what nobody who names a list wants: it is a page, an archive or the like.
  const [fault] = list.faults.first;
  if (list.ranges === 0 && fault !== undefined) {
    throw refusal(text, `has no range; line ${fault.line} is '${fault.text}'`);
  }
  return list;
}

async function download(
  http: HttpClient,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { status, body } = await http.get(url, {
    maxBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
    ...(signal ? { signal } : {}),
  });
  if (status !== 200) throw refusal(url, `was answered with status ${status}`);
  return body;
}

async function readWhole(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw tooLarge(path);
  return readFile(path, signal ? { signal } : {});
}

async function unpacked(bytes: Uint8Array, source: string): Promise<Uint8Array> {
  try {
    return await unpack(bytes, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    if (errorCode(error) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(source);
    throw refusal(source, "is damaged: it is no whole gzip file", error);
  }
}

function tooLarge(source: string): SessionError {
  return refusal(source, `has over ${MAX_BYTES} bytes`);
}

function refusal(source: string, what: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_BLOCKLIST", `the blocklist '${source}' ${what}`, { cause });
}
