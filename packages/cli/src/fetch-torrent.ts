// Downloads a torrent to its end, with all reports on the way.
import type { Torrent } from "@shoal/session";
import type { Context } from "./context.ts";
import type { DoneReport } from "./report/report.ts";
import { untilChecked, watch } from "./with-session.ts";

/**
 * Starts a torrent that was added in state `paused`, and waits until everything wanted is there.
 *
 * @param at Where peers reach us, and where the data goes.
 * @throws the torrent's error; the signal's reason.
 */
export async function fetchTorrent(
  torrent: Torrent,
  at: { readonly port: number; readonly path: string },
  context: Context,
): Promise<DoneReport> {
  const { reporter, signal } = context;
  const { infoHash } = torrent;
  await untilChecked(torrent, context);
  await torrent.resume();
  reporter.report({ event: "ready", port: at.port, infoHash });
  const began = performance.now();
  const stop = watch(torrent, reporter);
  await torrent.completed({ signal }).finally(stop);
  const { received } = torrent.stats;
  const { downloaded, total } = torrent.progress;
  const seconds = (performance.now() - began) / 1000;
  const done: DoneReport = {
    event: "done",
    infoHash,
    path: at.path,
    downloaded,
    total,
    received,
    seconds,
    downloadRate: Math.round(received / Math.max(seconds, 0.001)),
  };
  reporter.report(done);
  return done;
}
