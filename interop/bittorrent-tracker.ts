// bittorrent-tracker, WebTorrent's own: a tracker that speaks IPv6 by both protocols.
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { startChild } from "./child.ts";
import type { ForeignTracker } from "./opentracker.ts";
import { inTime } from "./wait.ts";

/** Starts it on `::1`. */
export async function startBittorrentTracker(): Promise<ForeignTracker> {
  const listening = Promise.withResolvers<{ http: number; udp: number }>();
  const child = startChild({
    command: process.execPath,
    args: [fileURLToPath(new URL("webtorrent/tracker.mjs", import.meta.url))],
    cwd: tmpdir(),
    onLine: (line) => line.startsWith("{") && listening.resolve(JSON.parse(line)),
  });
  try {
    const { http, udp } = await inTime(
      "bittorrent-tracker: listening",
      Promise.race([listening.promise, child.failed]),
    );
    return {
      http: `http://[::1]:${http}/announce`,
      udp: `udp://[::1]:${udp}/announce`,
      close: () => child.close(),
    };
  } catch (error) {
    await child.close();
    throw error;
  }
}
