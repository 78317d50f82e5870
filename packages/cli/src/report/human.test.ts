import type { TorrentProgress } from "@shoal/session";
import { describe, expect, it } from "vitest";
import { Memory, memoryIo } from "../../testing/memory.ts";
import { humanReporter } from "./human.ts";
import type { CheckedReport, Report } from "./report.ts";
import { openScreen } from "./screen.ts";

const progress: TorrentProgress = {
  state: "downloading",
  fraction: 0.5,
  downloaded: 50,
  total: 100,
  piecesDone: 512,
  pieceCount: 1024,
  downloadRate: 1_572_864,
  uploadRate: 0,
  peers: 3,
  etaSeconds: 65,
};

const bad: CheckedReport = {
  event: "checked",
  infoHash: "ab",
  path: "/d/a",
  ok: false,
  pieceCount: 10,
  badPieces: [0, 1, 5],
  fileCount: 2,
  badFiles: [{ index: 1, path: "a/b\u001b", length: 5, problem: "missing" }],
};

/** What a pipe gets of reports that are a second apart. */
function plain(...reports: Report[]): string {
  let now = 0;
  const io = memoryIo();
  const reporter = humanReporter(openScreen(io, () => now));
  for (const report of reports) {
    now += 1000;
    reporter.report(report);
  }
  reporter.close();
  return io.stdout.text + io.stderr.text;
}

describe("in a pipe", () => {
  it("a download is told in plain lines", () => {
    const text = plain(
      { event: "added", name: "a\u001b[2J", infoHash: "ab", total: 100, files: 2, path: "/d/a" },
      { event: "checking", done: 5, total: 10 },
      { event: "ready", port: 6881, infoHash: "ab" },
      { event: "progress", progress },
      {
        event: "done",
        infoHash: "ab",
        path: "/d/a",
        downloaded: 100,
        total: 100,
        received: 2048,
        seconds: 2,
        downloadRate: 1024,
      },
    );
    expect(text.split("\n")).toEqual([
      "a�[2J (100 B, 2 files)",
      "info-hash ab",
      "at /d/a",
      "checking  50.0 %  5 B of 10 B",
      "listening on port 6881",
      "50.0 %  512/1024 pieces  down 1.50 MiB/s  up 0 B/s  ETA 1:05  3 peers",
      "done: /d/a, 2.00 KiB in 2.0 s (1.00 KiB/s)",
      "",
    ]);
  });

  it("seeding tells rates and peers", () => {
    const seeding = {
      ...progress,
      state: "seeding",
      downloadRate: 0,
      uploadRate: 1024,
      peers: 1,
    } as const;
    expect(plain({ event: "progress", progress: seeding })).toBe(
      "seeding  up 1.00 KiB/s  1 peer\n",
    );
  });

  it("a complete download says so", () => {
    const done = {
      event: "done",
      infoHash: "ab",
      path: "/d/a",
      downloaded: 100,
      total: 100,
      received: 0,
      seconds: 0,
      downloadRate: 0,
    } as const;
    expect(plain(done)).toBe("done: /d/a was complete already (100 B)\n");
  });

  it("a check names bad files and pieces", () => {
    expect(plain(bad).split("\n")).toEqual([
      "bad  a/b�: missing",
      "bad files: 1 of 2",
      "bad pieces: 3 of 10 (0–1, 5)",
      "",
    ]);
    const ok = { ...bad, ok: true, badPieces: [], badFiles: [] };
    expect(plain(ok)).toBe("all good: /d/a (2 files, 10 pieces)\n");
  });

  it("a check that finds very much wrong names a part", () => {
    const badFiles = Array.from({ length: 60 }, (_, index) => ({
      index,
      path: `f${index}`,
      length: 1,
      problem: "missing",
    }));
    const lines = plain({ ...bad, fileCount: 60, badFiles }).split("\n");
    expect(lines).toHaveLength(54);
    expect(lines[50]).toBe("… and 10 more files");
  });

  it("the same warning is told once", () => {
    const warning = { event: "warning", code: "ERR_X", message: "no answer" } as const;
    expect(plain(warning, warning)).toBe("warning: no answer (ERR_X)\n");
  });

  it("errors are one line with their code, whatever strangers wrote", () => {
    expect(plain({ event: "error", code: "ERR_X", message: "bad\u001b]0;x\u0007" })).toBe(
      "error: bad�]0;x� (ERR_X)\n",
    );
  });
});

describe("on a terminal", () => {
  const live = (columns: number): string => {
    const io = memoryIo(new Memory({ columns, rows: 30 }));
    humanReporter(openScreen(io, () => 0)).report({ event: "progress", progress });
    return io.stdout.text;
  };

  it("a transfer has a bar that fits the line", () => {
    expect(live(120)).toContain(`${"█".repeat(15)}${"░".repeat(15)}`);
    expect(live(100)).toMatch(/█{5,}░{5,}/);
  });

  it("a narrow terminal has numbers only", () => {
    expect(live(60)).not.toContain("█");
    expect(live(60)).toContain("50.0 %");
  });
});
