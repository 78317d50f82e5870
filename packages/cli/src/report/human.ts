// Reports for people: lines that stay, and a live one that shows how far things are.
import {
  formatCount,
  formatDuration,
  formatRate,
  formatRuns,
  formatSize,
  printable,
} from "../format.ts";
import { transferLine, workLine } from "./bar.ts";
import type { TrafficReport } from "./dht.ts";
import { dhtLines, trafficLine } from "./dht-lines.ts";
import { infoLines } from "./info-table.ts";
import type {
  CheckedReport,
  DoneReport,
  ProblemReport,
  ProgressReport,
  Report,
  Reporter,
  WorkReport,
} from "./report.ts";
import type { Screen } from "./screen.ts";

/** So many bad files are named. */
const MAX_NAMED = 50;

/** A reporter that writes to a screen. */
export function humanReporter(screen: Screen): Reporter {
  const warned = new Set<string>();
  return {
    intervalMs: screen.intervalMs,
    report(report) {
      switch (report.event) {
        case "progress":
          return screen.live(transferLine(screen, report.progress));
        case "hashing":
        case "checking":
          return screen.live(workLine(screen, report));
        case "dht":
          return screen.live(trafficLine(report));
        case "warning":
        case "error":
          // Trackers fail again and again with the same words.
          if (!warned.has(report.message)) screen.warn(problemLine(screen, report));
          warned.add(report.message);
          return;
        default:
          screen.clear();
          for (const line of linesOf(screen, report)) screen.print(line);
      }
    },
    close: () => screen.close(),
  };
}

type Lasting = Exclude<Report, ProgressReport | WorkReport | TrafficReport | ProblemReport>;

function linesOf(screen: Screen, report: Lasting): string[] {
  const { style } = screen;
  switch (report.event) {
    case "added": {
      const size = `${formatSize(report.total)}, ${formatCount(report.files, "file")}`;
      return [
        `${style("bold", printable(report.name))} (${size})`,
        `info-hash ${report.infoHash}`,
        `at ${printable(report.path)}`,
      ];
    }
    case "ready":
      return [`listening on port ${report.port}`];
    case "done":
      return [style("green", doneLine(report))];
    case "created":
      return [
        `torrent   ${printable(report.path)}`,
        `info-hash ${report.infoHash}`,
        `magnet    ${report.magnet}`,
      ];
    case "info":
      return infoLines(report);
    case "checked":
      return checkedLines(screen, report);
    case "note":
      return [printable(report.message)];
    default:
      return dhtLines(report);
  }
}

function doneLine({ path, total, received, seconds, downloadRate }: DoneReport): string {
  const where = printable(path);
  if (received === 0) return `done: ${where} was complete already (${formatSize(total)})`;
  return `done: ${where}, ${formatSize(received)} in ${inWords(seconds)} (${formatRate(downloadRate)})`;
}

function inWords(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
}

function checkedLines({ style }: Screen, report: CheckedReport): string[] {
  const { badFiles, badPieces, pieceCount, fileCount } = report;
  if (report.ok) {
    const what = `${formatCount(fileCount, "file")}, ${formatCount(pieceCount, "piece")}`;
    return [style("green", `all good: ${printable(report.path)} (${what})`)];
  }
  const named = badFiles
    .slice(0, MAX_NAMED)
    .map(({ path, problem }) => `${style("red", "bad")}  ${printable(path)}: ${problem}`);
  const more = badFiles.length - named.length;
  return [
    ...named,
    ...(more > 0 ? [`… and ${formatCount(more, "more file")}`] : []),
    `bad files: ${badFiles.length} of ${fileCount}`,
    `bad pieces: ${badPieces.length} of ${pieceCount}${badPieces.length > 0 ? ` (${formatRuns(badPieces)})` : ""}`,
  ];
}

function problemLine({ style }: Screen, { event, code, message }: ProblemReport): string {
  const label = event === "error" ? style("red", "error:") : style("yellow", "warning:");
  return `${label} ${printable(message)} (${code})`;
}
