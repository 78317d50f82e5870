// Waits until a torrent is done, or can't be.
import type { EventSource } from "@shoal/core";
import { closedError } from "./life.ts";
import type { TorrentEvents } from "./types.ts";

/**
 * Resolves with the next `done`.
 *
 * @throws the error when the torrent stops with one, TorrentError `ERR_TORRENT_CLOSED`, the signal's
 *   reason.
 */
export function completion(
  events: EventSource<TorrentEvents>,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const end = (settle: () => void): void => {
      for (const off of listeners) off();
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const abort = (): void => end(() => reject(signal?.reason));
    const listeners = [
      events.on("done", () => end(resolve)),
      events.on("error", (error) => end(() => reject(error))),
      events.on("state", (state) => {
        if (state === "closed") end(() => reject(closedError()));
      }),
    ];
    signal?.addEventListener("abort", abort);
  });
}
