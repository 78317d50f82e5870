// Which clocks of gateways show that they kept their state.
import { describe, expect, it } from "vitest";
import { keptState } from "./epoch.ts";

describe("keptState", () => {
  const before = { shown: 10_000, at: 1_000_000 };

  it.each([
    [0, 0, true],
    [1800, 1800, true],
    [-1, 0, true],
    [-2, 0, false],
    [-10_000, 1800, false],
    // Within a sixteenth and two seconds, either way.
    [1800, 1686, true],
    [1800, 1684, false],
    [1686, 1800, true],
    [1684, 1800, false],
  ])("its clock went on %i s while ours did %i s: %s", (theirs, ours, kept) => {
    const after = { shown: before.shown + theirs, at: before.at + 1000 * ours };
    expect(keptState(before, after)).toBe(kept);
  });
});
