// The folder that a download goes into.
import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "@shoal/core";
import { CliError, explain } from "./error.ts";

/**
 * Makes the folder, so that what would otherwise show when the first piece is written shows at once.
 *
 * @throws CliError `ERR_CLI_FOLDER` if it can't be made or written to.
 */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const isImpossible = errorCode(cause) === "ENOENT";
    const why = isImpossible ? "no folder can be made there" : explain(cause).message;
    const message = `can't download to '${folder}': ${why}; choose another folder with -o`;
    throw new CliError("ERR_CLI_FOLDER", message, { cause });
  }
}

/** Node's recursive `mkdir` never ends below folders that take no entries, such as `/proc`. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((await stat(folder).catch(() => undefined))?.isDirectory()) return;
    if (errorCode(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}
