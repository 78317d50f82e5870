// Compares two folders, every byte of every file.
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../error.ts";

const CHUNK = 1024 * 1024;

/** @throws CliError `ERR_CLI_DATA` naming the first file that differs or that only one folder has. */
export async function compareFiles(one: string, other: string): Promise<void> {
  const [ours, theirs] = await Promise.all([filesIn(one), filesIn(other)]);
  const odd =
    ours.find((path) => !theirs.includes(path)) ?? theirs.find((path) => !ours.includes(path));
  if (odd !== undefined) throw differs(odd, `is not in both '${one}' and '${other}'`);
  for (const path of ours) {
    if (!(await isEqual(join(one, path), join(other, path)))) {
      throw differs(path, `differs between '${one}' and '${other}'`);
    }
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function isEqual(one: string, other: string): Promise<boolean> {
  await using ours = await open(one);
  await using theirs = await open(other);
  const [a, b] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
  for (;;) {
    const [left, right] = await Promise.all([ours.read(a), theirs.read(b)]);
    if (left.bytesRead !== right.bytesRead) return false;
    if (left.bytesRead === 0) return true;
    if (!a.subarray(0, left.bytesRead).equals(b.subarray(0, right.bytesRead))) return false;
  }
}

function differs(path: string, how: string): CliError {
  return new CliError("ERR_CLI_DATA", `'${path}' ${how}`);
}
