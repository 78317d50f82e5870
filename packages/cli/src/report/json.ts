// Reports for programs: one JSON object per line.
import type { Output } from "../io.ts";
import type { Report, Reporter } from "./report.ts";
import { throttle } from "./throttle.ts";

const INTERVAL_MS = 1000;

/** A reporter that prints each report as a line of JSON; a line that says nothing new is left out. */
export function jsonReporter(stdout: Output, now: () => number): Reporter {
  const isTime = throttle(INTERVAL_MS, now);
  let last = "";
  return {
    intervalMs: INTERVAL_MS,
    report(report) {
      if ((report.event === "hashing" || report.event === "checking") && !isTime()) return;
      const line = JSON.stringify(shapeOf(report));
      if (line === last) return;
      last = line;
      stdout.write(`${line}\n`);
    },
    close() {},
  };
}

function shapeOf(report: Report): object {
  if (report.event !== "progress") return report;
  const { downloaded, total, downloadRate, uploadRate, peers } = report.progress;
  return {
    event: "progress",
    downloaded,
    total,
    downloadRate: Math.round(downloadRate),
    uploadRate: Math.round(uploadRate),
    peers,
  };
}
