import type { TorrentProgress } from "@shoal/session";
import { describe, expect, it } from "vitest";
import { Memory } from "../../testing/memory.ts";
import { jsonReporter } from "./json.ts";

const progress: TorrentProgress = {
  state: "downloading",
  fraction: 0.5,
  downloaded: 50,
  total: 100,
  piecesDone: 1,
  pieceCount: 2,
  downloadRate: 10.4,
  uploadRate: 0,
  peers: 3,
  etaSeconds: 5,
};

describe("jsonReporter", () => {
  it("prints the shapes that programs read", () => {
    const out = new Memory();
    const reporter = jsonReporter(out, () => 0);
    reporter.report({ event: "ready", port: 6881, infoHash: "ab" });
    reporter.report({ event: "progress", progress });
    reporter.report({ event: "error", code: "ERR_X", message: "no\nway" });
    expect(out.text).toBe(
      `${[
        '{"event":"ready","port":6881,"infoHash":"ab"}',
        '{"event":"progress","downloaded":50,"total":100,"downloadRate":10,"uploadRate":0,"peers":3}',
        '{"event":"error","code":"ERR_X","message":"no\\nway"}',
      ].join("\n")}\n`,
    );
  });

  it("leaves out what says nothing new", () => {
    const out = new Memory();
    const reporter = jsonReporter(out, () => 0);
    reporter.report({ event: "progress", progress });
    reporter.report({ event: "progress", progress: { ...progress, etaSeconds: 4 } });
    reporter.report({ event: "progress", progress: { ...progress, peers: 4 } });
    expect(out.text.split("\n")).toHaveLength(3);
  });

  it("tells of work once a second", () => {
    let now = 0;
    const out = new Memory();
    const reporter = jsonReporter(out, () => now);
    for (; now < 3000; now += 100) reporter.report({ event: "hashing", done: now, total: 3000 });
    expect(out.text.match(/"done":\d+/g)).toEqual(['"done":0', '"done":1000', '"done":2000']);
  });
});
