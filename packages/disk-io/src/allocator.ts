// Reserves the space of whole files.
import { fstatSync, ftruncateSync } from "node:fs";
import type { Native } from "./native.ts";

/** Reserves space, once for each file. */
export interface Allocator {
  /**
   * Makes the file, by a number of the caller's, at least so long and reserves its space.
   *
   * @throws Error with code `ENOSPC`, `EDQUOT` or `EFBIG`. File systems that can't are left alone.
   */
  allocate(file: number, fd: number, length: number): void;
}

/** @returns undefined where space can't be reserved. */
export function makeAllocator(native: Native | undefined): Allocator | undefined {
  // Windows reserves what a file is extended by.
  const reserve = process.platform === "win32" ? extend : native?.allocate;
  if (reserve === undefined) return undefined;
  const done = new Set<number>();
  return {
    allocate: (file, fd, length) => {
      if (done.has(file)) return;
      const code = fstatSync(fd).size < length ? reserve(fd, length) : undefined;
      if (code !== undefined && FATAL.includes(code)) {
        throw Object.assign(new Error(`${length} bytes can't be reserved`), { code });
      }
      done.add(file);
    },
  };
}

const FATAL: readonly string[] = ["ENOSPC", "EDQUOT", "EFBIG"];

function extend(fd: number, length: number): undefined {
  ftruncateSync(fd, length);
}
