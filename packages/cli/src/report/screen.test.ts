import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { Memory, memoryIo } from "../../testing/memory.ts";
import { openScreen } from "./screen.ts";

describe("in a pipe", () => {
  it("live lines come ever more seldom, and soon again after a clear", () => {
    let now = 0;
    const io = memoryIo();
    const screen = openScreen(io, () => now);
    const shown = (): string => {
      const { text } = io.stdout;
      io.stdout.text = "";
      return text;
    };
    const times: number[] = [];
    for (now = 0; now < 130_000; now += 100) {
      screen.live(`at ${now}`);
      if (shown() !== "") times.push(now);
    }
    expect(times).toEqual([
      100, 300, 700, 1500, 3100, 6300, 12_700, 25_500, 51_100, 81_100, 111_100,
    ]);
    screen.clear();
    expect(shown()).toBe("at 129900\n");
    now += 100;
    screen.live("again");
    expect(shown()).toBe("again\n");
    screen.live("too soon");
    screen.close();
    expect(shown()).toBe("too soon\n");
  });

  it("lines are plain and go where they belong", () => {
    const io = memoryIo();
    const screen = openScreen(io, () => 0);
    screen.print(screen.style("red", "out"));
    screen.warn(screen.style("bold", "err"));
    screen.close();
    expect(io.stdout.text).toBe("out\n");
    expect(io.stderr.text).toBe("err\n");
    expect(screen.hasBars).toBe(false);
  });
});

describe("on a terminal", () => {
  it("the live line stays below the lines that are printed", () => {
    let now = 0;
    const io = memoryIo(new Memory({ columns: 100, rows: 30 }));
    const screen = openScreen(io, () => now);
    screen.live("first");
    screen.live("too soon");
    screen.print("printed");
    now = 100;
    screen.live("second");
    screen.clear();
    screen.close();
    const text = stripVTControlCharacters(io.stdout.text);
    expect(text.split("\n").filter((line) => line !== "")).toEqual([
      "first",
      "printed",
      "first",
      "second",
    ]);
    expect(screen).toMatchObject({ hasBars: true, columns: 100 });
  });

  it("a terminal that does not know its size shows live lines too", () => {
    const io = memoryIo(new Memory({ columns: 0, rows: 0 }));
    const screen = openScreen(io, () => 0);
    screen.live("first");
    expect(io.stdout.text).toContain("first");
    expect(screen.columns).toBe(80);
  });

  it("colours appear only where they are wanted", () => {
    const plain = openScreen(memoryIo(new Memory({ colors: false })), () => 0);
    const colourful = openScreen(memoryIo(new Memory({ colors: true })), () => 0);
    expect(plain.style("red", "x")).toBe("x");
    expect(colourful.style("red", "x")).toBe("\u001b[31mx\u001b[39m");
  });

  it("a dumb one is served like a pipe", () => {
    const io = { ...memoryIo(new Memory({})), env: { TERM: "dumb" } };
    expect(openScreen(io, () => 0).hasBars).toBe(false);
  });
});
