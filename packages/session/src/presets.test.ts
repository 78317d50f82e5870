import { totalmem } from "node:os";
import { expect, it, vi } from "vitest";
import { PRESETS, presetValues } from "./presets.ts";

vi.mock("node:os", async (original) => ({
  ...(await original<Record<string, unknown>>()),
  totalmem: vi.fn(),
}));

const GIB = 2 ** 30;

it.each([
  [1 * GIB, GIB / 4],
  [8 * GIB, 2 * GIB],
  [512 * GIB, 2 * GIB],
  [1e9 + 3, 250_000_000],
])("gives the disk 4 MiB, 64 MiB, or a quarter of %i bytes of memory", (memory, quarter) => {
  vi.mocked(totalmem).mockReturnValue(memory);
  const sizes = PRESETS.map((preset) => presetValues(preset).cacheSize);
  expect(sizes).toEqual([4 * 2 ** 20, 64 * 2 ** 20, quarter]);
});
