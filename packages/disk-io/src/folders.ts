// Folders below a root, made and entered without ever leaving it through a symbolic link.
import {
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { syncFolder } from "./sync.ts";

/** A folder that a torrent's files lie in, and what was found out about the folders below it. */
export class Root {
  readonly path: string;
  /** Folders known to be there and inside. */
  #safe: Set<string> | undefined;
  #real: string | undefined;
  /** Folders that hold others whose names a crash may take: those were made lately. */
  #parents: Set<string> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Where the file with these path elements lies. */
  locate(elements: readonly string[]): string {
    return join(this.path, ...elements);
  }

  /**
   * Makes the folders above the file where they are missing.
   *
   * @returns the file's path.
   * @throws EACCES-like errors of Node; ELOOP if a symbolic link leads out of the root.
   */
  prepare(elements: readonly string[]): string {
    if (this.#real === undefined) {
      makeFolders(this.path, this.#made);
      this.#real = realpathSync(this.path);
    }
    const file = this.locate(elements);
    this.#safe ??= new Set();
    if (this.#safe.has(dirname(file))) return file;
    let folder = this.path;
    for (const element of elements.slice(0, -1)) {
      folder = join(folder, element);
      if (this.#safe.has(folder)) continue;
      makeFolder(folder, this.#made);
      if (!this.#isInside(folder)) throw leadsOutside(folder);
      this.#safe.add(folder);
    }
    this.#safe.add(dirname(file));
    return file;
  }

  /** Whether the file's folder is there and inside the root. */
  holds(elements: readonly string[]): boolean {
    try {
      this.#real ??= realpathSync(this.path);
      return this.#isInside(dirname(this.locate(elements)));
    } catch {
      return false;
    }
  }

  /** Somebody else may have made the folders above the file: the next {@link sync} includes their names. */
  doubt(elements: readonly string[]): void {
    this.#parents ??= new Set();
    for (let depth = 0; depth < elements.length - 1; depth++) {
      this.#parents.add(this.locate(elements.slice(0, depth)));
    }
  }

  /**
   * Makes the names of these files durable, and those of all folders that were made for them.
   *
   * @throws Node's errors; if it does, the next call tries everything again.
   */
  sync(files: Iterable<readonly string[]>): void {
    const folders = new Set(this.#parents);
    for (const elements of files) folders.add(dirname(this.locate(elements)));
    for (const folder of folders) syncFolder(folder);
    this.#parents = undefined;
  }

  /** Removes a file that may be there, never through a link. */
  unlink(elements: readonly string[]): void {
    const place = this.locate(elements);
    if (this.holds(elements) && exists(place)) unlinkSync(place);
  }

  /** Makes a symbolic link where nothing stands yet; its target is below the root too. */
  link(elements: readonly string[], target: readonly string[]): void {
    const path = this.prepare(elements);
    if (!exists(path)) symlinkSync(relative(dirname(path), this.locate(target)), path);
  }

  /** Removes the folders above these files, the deepest first, as far as they are empty. */
  prune(files: Iterable<readonly string[]>): void {
    const folders = new Set<string>();
    for (const elements of files) {
      for (let depth = 1; depth < elements.length; depth++) {
        folders.add(this.locate(elements.slice(0, depth)));
      }
    }
    const deepestFirst = [...folders].sort((a, b) => depthOf(b) - depthOf(a));
    for (const folder of deepestFirst) if (removeEmpty(folder)) this.#parents?.delete(folder);
    this.#safe?.clear();
  }

  readonly #made = (folder: string): void => {
    this.#parents ??= new Set();
    this.#parents.add(dirname(folder));
  };

  #isInside(folder: string): boolean {
    const real = realpathSync(folder);
    const root = this.#real ?? real;
    return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
  }
}

/** Whether something has this name, be it a dangling link. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function makeFolder(path: string, made: (folder: string) => void): void {
  try {
    mkdirSync(path);
    made(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Folders that are gone, in use, or could never be made. */
const UNREMOVABLE: readonly string[] = [
  "ENOENT",
  "ENOTEMPTY",
  "EEXIST",
  "EBUSY",
  "EPERM",
  "EACCES",
  "ENOTDIR",
  "ENAMETOOLONG",
];

/** @returns whether the folder is gone. */
function removeEmpty(path: string): boolean {
  try {
    if (!lstatSync(path).isDirectory()) return false;
    rmdirSync(path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!UNREMOVABLE.includes(code)) throw error;
    return code === "ENOENT";
  }
}

function depthOf(path: string): number {
  return path.split(sep).length;
}

function leadsOutside(path: string): Error {
  return Object.assign(new Error("a symbolic link leads out of the torrent's folder"), {
    code: "ELOOP",
    path,
  });
}

/**
 * Makes a folder and those above it. One by one: Node's recursive mkdir never returns where a parent
 * exists but takes no folders, as below `/proc`.
 */
function makeFolders(path: string, made: (folder: string) => void): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolders(parent, made);
  try {
    mkdirSync(path);
    made(path);
  } catch (error) {
    // Another thread may have been quicker.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
