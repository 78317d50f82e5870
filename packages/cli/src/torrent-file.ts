// Torrent files on disk: reading them, and writing new ones without harm to what is there.
import { readFile, stat, writeFile } from "node:fs/promises";
import { errorCode } from "@shoal/core";
import { type Metainfo, parseTorrent } from "@shoal/metainfo";
import { CliError, withSource } from "./error.ts";

/** What libtorrent and the session take at most. */
const MAX_BYTES = 10_000_000;

/** @throws CliError for a file that is no torrent; Node's file errors. */
export async function readTorrentFile(path: string): Promise<Metainfo> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) {
    throw new CliError(
      "ERR_METAINFO_TOO_LARGE",
      `'${path}' has ${size} bytes; a torrent file has at most ${MAX_BYTES}. Is it the payload?`,
    );
  }
  const bytes = await readFile(path);
  try {
    return parseTorrent(bytes);
  } catch (error) {
    throw withSource(path, error);
  }
}

/** @throws CliError `ERR_CLI_EXISTS` if something is there, which is left as it is. */
export async function writeTorrentFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: "wx" });
  } catch (error) {
    throw errorCode(error) === "EEXIST" ? existsError(path) : error;
  }
}

/** @throws CliError `ERR_CLI_EXISTS` if something is there. */
export async function refuseExisting(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found) throw existsError(path);
}

/** Says that a file is in the way. */
export function existsError(path: string): CliError {
  return new CliError(
    "ERR_CLI_EXISTS",
    `'${path}' exists already and is left as it is; move it away, or name another file with 'shoal create -o FILE'`,
  );
}
