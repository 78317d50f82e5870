// Makes files and folders durable.
import { closeSync, fstatSync, fsync, fsyncSync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Native } from "./native.ts";

const syncing = promisify(fsync);

/**
 * Makes a file durable, on a thread of its own: it may take seconds, in which other torrents' jobs go
 * on. Not by a handle of the pool, for those jobs may close it.
 *
 * @param inode What the file must be, if that is known.
 * @param dropCached Then lets the system forget its copy.
 * @throws Error with the code `ERR_DISK_CHANGED` if another file has taken its place.
 */
export async function syncFile(
  path: string,
  inode: number | undefined,
  dropCached: Native["dropCached"],
): Promise<void> {
  // Windows flushes only what may be written.
  const fd = openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    if (inode !== undefined && fstatSync(fd).ino !== inode) {
      const message = "another file took the place of the one that was written";
      throw Object.assign(new Error(message), { code: "ERR_DISK_CHANGED", path });
    }
    await syncing(fd);
    dropCached?.(fd, 0, 0);
  } finally {
    closeSync(fd);
  }
}

/**
 * New entries of a folder are durable only after this. Windows neither needs nor allows it; nor do some
 * file systems, and a folder that may be written but not read can't be opened: then nothing is done.
 */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    fsyncSync(fd);
  } catch (error) {
    if (!UNSYNCABLE.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const UNSYNCABLE: readonly string[] = ["EACCES", "EPERM", "EINVAL", "EBADF", "ENOTSUP"];
