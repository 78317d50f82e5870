// Asking for a swarm's counts without joining it: the HTTP scrape (BEP 48).
import { BencodeDict } from "@shoal/bencode";
import { TrackerError } from "./error.ts";
import { percentEncode, readAnswer, readCount } from "./http-body.ts";
import type { TrackerUrl } from "./tracker-url.ts";

/** What a tracker says of one swarm; `undefined` where it says nothing. */
export interface ScrapeEntry {
  /** 20 bytes, as asked. */
  readonly infoHash: Uint8Array;
  /** Complete peers. */
  readonly seeders: number | undefined;
  /** Incomplete peers. */
  readonly leechers: number | undefined;
  /** Downloads completed ever. */
  readonly downloads: number | undefined;
}

/**
 * Info-hashes in one question, so that a URL and a datagram stay of a size that all trackers take;
 * BEP 15 has room for 74, opentracker reads 64.
 */
export const MAX_SCRAPE = 50;

/**
 * The URL to get: the announce URL with `scrape` for the `announce` that its path's last part begins
 * with; `undefined` if that begins with something else, which means that there is no scrape.
 *
 * @param infoHashes 1–{@link MAX_SCRAPE}, 20 bytes each.
 */
export function buildScrapeUrl(
  { href }: TrackerUrl,
  infoHashes: readonly Uint8Array[],
): string | undefined {
  const [, before, after, query] = /^([^?]*\/)announce([^/?]*)(\?.*)?$/.exec(href) ?? [];
  if (before === undefined) return undefined;
  const hashes = infoHashes.map((infoHash) => `info_hash=${percentEncode(infoHash)}`);
  const own = query === undefined ? "?" : /[?&]$/.test(query) ? query : `${query}&`;
  return `${before}scrape${after}${own}${hashes.join("&")}`;
}

/**
 * Reads the body of an answer.
 *
 * @returns An entry for each hash, in the order asked.
 * @throws TrackerError `ERR_TRACKER_REFUSED`, `ERR_TRACKER_MALFORMED`
 */
export function parseHttpScrape(
  body: Uint8Array,
  infoHashes: readonly Uint8Array[],
): ScrapeEntry[] {
  const files = readAnswer(body).dict("files");
  if (files === undefined) {
    throw new TrackerError("ERR_TRACKER_MALFORMED", "expected a dictionary 'files', got none");
  }
  return infoHashes.map((infoHash) => {
    const swarm = files.get(infoHash);
    const counts = swarm instanceof BencodeDict ? swarm : undefined;
    return {
      infoHash,
      seeders: counts && readCount(counts, "complete"),
      leechers: counts && readCount(counts, "incomplete"),
      downloads: counts && readCount(counts, "downloaded"),
    };
  });
}
