// Lines that show how far something is.
import type { TorrentProgress } from "@shoal/session";
import { formatCount, formatDuration, formatPercent, formatRate, formatSize } from "../format.ts";
import type { WorkReport } from "./report.ts";
import type { Screen } from "./screen.ts";

const MIN_BAR = 8;
const MAX_BAR = 30;

/** A transfer: bar, pieces, rates, time left, peers. */
export function transferLine(screen: Screen, progress: TorrentProgress): string {
  const { state, fraction, piecesDone, pieceCount, downloadRate, uploadRate } = progress;
  if (state === "metadata") {
    return `fetching metadata from ${formatCount(progress.peers, "peer")}`;
  }
  // Just finished, the rate still tells of the download.
  const isDown = state !== "seeding" || downloadRate > 0;
  const parts = [
    ...(isDown
      ? [
          `${piecesDone}/${pieceCount} pieces`,
          `down ${formatRate(downloadRate)}`,
          `up ${formatRate(uploadRate)}`,
          `ETA ${formatDuration(progress.etaSeconds)}`,
        ]
      : [`up ${formatRate(uploadRate)}`]),
    formatCount(progress.peers, "peer"),
  ];
  return isDown ? withBar(screen, fraction, parts) : [state, ...parts].join("  ");
}

/** Reading files: bar and bytes. */
export function workLine(screen: Screen, { event, done, total }: WorkReport): string {
  const line = withBar(screen, total === 0 ? 1 : done / total, [
    `${formatSize(done)} of ${formatSize(total)}`,
  ]);
  return `${event}  ${line}`;
}

function withBar(screen: Screen, fraction: number, parts: readonly string[]): string {
  const percent = formatPercent(fraction).padStart(screen.hasBars ? 7 : 0);
  const text = parts.join("  ");
  // The event's name of up to ten characters may precede it.
  const room = screen.columns - percent.length - text.length - 14;
  if (!screen.hasBars || room < MIN_BAR) return `${percent}  ${text}`;
  return `${percent} ${bar(screen, fraction, Math.min(room, MAX_BAR))}  ${text}`;
}

function bar({ style }: Screen, fraction: number, width: number): string {
  const full = Math.min(width, Math.floor(fraction * width));
  return style("cyan", "█".repeat(full)) + style("dim", "░".repeat(width - full));
}
