// A small file that a service keeps over restarts: there as a whole, or as it was before.
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "@shoal/core";
import { SessionError } from "../error.ts";

/** More than any service writes, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the file.
 *
 * @returns undefined if there is none yet.
 * @throws SessionError `ERR_SESSION_STATE` if it is far too large; Node's file errors.
 */
export async function readState(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size <= MAX_BYTES) return await file.readFile();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  throw new SessionError("ERR_SESSION_STATE", `'${path}' is too large to be a saved state`);
}

/** Replaces the file, and makes its folder if needed. @throws Node's file errors. */
export async function writeState(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.new`;
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
