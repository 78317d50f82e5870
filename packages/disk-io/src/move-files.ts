// Moves a torrent's files to another root; undoes what it did if it fails half-way.
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { exists, type Root } from "./folders.ts";

/**
 * Renames, or copies where the new root is on another file system; those files that exist. Nothing
 * that stands at the new place is overwritten.
 *
 * @throws EEXIST before anything was moved if a file of that name is there; other errors of Node
 *   after everything was moved back.
 */
export function moveFiles(files: readonly (readonly string[])[], from: Root, to: Root): void {
  const present = files.filter((file) => exists(from.locate(file)) && from.holds(file));
  for (const file of present) {
    const path = to.locate(file);
    if (exists(path)) throw Object.assign(new Error("a file is there"), { code: "EEXIST", path });
  }
  const done: { source: string; target: string; copied: boolean }[] = [];
  try {
    for (const file of present) {
      const source = from.locate(file);
      const target = to.prepare(file);
      done.push({ source, target, copied: relocate(source, target) });
    }
    // Only copies that a crash can't take may replace their sources.
    if (done.some(({ copied }) => copied)) to.sync(present);
  } catch (error) {
    for (const { source, target, copied } of done.reverse()) {
      if (copied) unlinkSync(target);
      else renameSync(target, source);
    }
    to.prune(present);
    throw error;
  }
  for (const { source, copied } of done) if (copied) unlinkSync(source);
  from.prune(present);
}

/**
 * Gives a file another place below its root, if it exists.
 *
 * @throws EEXIST if something else is there.
 */
export function renameFile(root: Root, from: readonly string[], to: readonly string[]): void {
  const source = root.locate(from);
  if (!exists(source) || !root.holds(from)) return;
  const target = root.prepare(to);
  if (exists(target) && !isSame(source, target)) {
    throw Object.assign(new Error("a file is there"), { code: "EEXIST", path: target });
  }
  if (relocate(source, target)) {
    root.sync([to]);
    unlinkSync(source);
  }
  root.prune([from]);
}

/** As where only the case of a name changes, and the file system ignores case. */
function isSame(a: string, b: string): boolean {
  const one = lstatSync(a);
  const other = lstatSync(b);
  return one.dev === other.dev && one.ino === other.ino && a.toLowerCase() === b.toLowerCase();
}

/** True if the file was copied and its source is still there. */
function relocate(source: string, target: string): boolean {
  try {
    renameSync(source, target);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
  }
  copy(source, target);
  return true;
}

function copy(source: string, target: string): void {
  if (lstatSync(source).isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
    return;
  }
  try {
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" && exists(target)) unlinkSync(target);
    throw error;
  }
  // The source is removed later: only a durable copy may replace it.
  const fd = openSync(target, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
