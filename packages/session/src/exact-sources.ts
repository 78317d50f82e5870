// The exact sources of a magnet link (`xs`, `as`): torrent files on the web that hold its metadata.
import { asError, toHex } from "@shoal/core";
import { parseTorrent } from "@shoal/metainfo";
import type { Torrent } from "@shoal/torrent";
import { SessionError } from "./error.ts";

/** Reads what a URL leads to. */
export type Load = (source: string, signal: AbortSignal) => Promise<Uint8Array>;

/** A link may name any number; so many are asked. */
const MAX_SOURCES = 4;

/**
 * Fetches torrent files until the torrent has its metadata, from there or from peers, or is closed.
 *
 * @param warn told of each source that was of no use.
 */
export async function askExactSources(
  torrent: Torrent,
  urls: readonly string[],
  load: Load,
  warn: (error: Error) => void,
): Promise<void> {
  const over = new AbortController();
  const stopped = new SessionError("ERR_SESSION_SOURCE", "the metadata is not needed any more");
  const off = [
    torrent.on("metadata", () => over.abort(stopped)),
    torrent.on("state", (state) => {
      if (state === "closed") over.abort(stopped);
    }),
  ];
  await Promise.all(
    urls.slice(0, MAX_SOURCES).map(async (url) => {
      try {
        const { infoHashes, infoBytes } = parseTorrent(await load(url, over.signal));
        if (torrent.setMetadata(infoBytes)) return;
        const found = toHex(infoHashes.v1 ?? new Uint8Array());
        throw new SessionError(
          "ERR_SESSION_SOURCE",
          `${url} is torrent ${found}, not ${torrent.infoHash} as the magnet link says`,
        );
      } catch (error) {
        if (!over.signal.aborted) warn(asError(error));
      }
    }),
  );
  for (const stop of off) stop();
}
