// A small file that a service keeps over restarts: there as a whole, or as it was before.
import { mkdir, open, rename, rm } from "node:fs/promises";
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
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.new`;
  try {
    await write(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Nobody else needs to read whom we met. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "w", 0o600);
  await file.writeFile(bytes);
  await file.sync();
}

/** One by one: Node's recursive `mkdir` never ends below folders that take no entries, such as `/proc`. */
async function makeFolder(path: string, hasParent = false): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (errorCode(error) !== "ENOENT" || hasParent) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path, true);
  }
}
