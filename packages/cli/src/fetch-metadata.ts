// Fetches the metadata of a magnet link, with reports on the way.
import type { Metainfo } from "@shoal/metainfo";
import type { Torrent } from "@shoal/session";
import type { Context } from "./context.ts";
import { watch } from "./with-session.ts";

/**
 * Starts a torrent that was added by a magnet link in state `paused`, and waits for its metadata.
 *
 * @param arrived Called before anything is done with it.
 * @throws the torrent's error; what `arrived` throws; the signal's reason.
 */
export async function fetchMetadata(
  torrent: Torrent,
  { reporter, signal }: Context,
  arrived: (metainfo: Metainfo) => void,
): Promise<Metainfo> {
  signal.throwIfAborted();
  // It may have come from the web while the caller did something else.
  if (torrent.metainfo !== undefined) {
    arrived(torrent.metainfo);
    return torrent.metainfo;
  }
  const { promise: fetched, resolve, reject } = Promise.withResolvers<Metainfo>();
  const leave = (): void => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  const stops = [
    () => signal.removeEventListener("abort", leave),
    torrent.on("error", reject),
    torrent.on("metadata", (metainfo) => {
      try {
        arrived(metainfo);
        resolve(metainfo);
      } catch (error) {
        reject(error);
      }
    }),
    watch(torrent, reporter),
  ];
  try {
    const [metainfo] = await Promise.all([fetched, torrent.resume()]);
    return metainfo;
  } finally {
    for (const stop of stops) stop();
  }
}
