// The demo's payload: 64 MiB of noise in files of odd sizes, nested folders, one file empty.
import { randomFillSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const MIB = 1024 * 1024;
const TOTAL = 64 * MIB;

/** Paths and sizes; one more file takes what is left of the whole. */
const FILES: readonly (readonly [path: string, size: number])[] = [
  ["README.txt", 1],
  ["empty.dat", 0],
  ["photos/harbour.jpg", 3_141_593],
  ["photos/2026/été/grüße – 写真.jpg", 2_718_281],
  ["photos/2026/été/tiny.jpg", 16_383],
  ["music/disc 1/01.flac", 12 * MIB + 1],
  ["music/disc 1/02.flac", 9 * MIB - 1],
];
const LAST = "film.mkv";

/** Writes the files into a folder. */
export async function makePayload(folder: string): Promise<{ files: number; bytes: number }> {
  const rest = TOTAL - FILES.reduce((sum, [, size]) => sum + size, 0);
  const all = [...FILES, [LAST, rest] as const];
  for (const [path, size] of all) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, randomFillSync(Buffer.allocUnsafe(size)));
  }
  return { files: all.length, bytes: TOTAL };
}
