// The file that holds the private key of mutable items.
import { readFile, writeFile } from "node:fs/promises";
import { errorCode, fromHex, toHex } from "@shoal/core";
import { nodeSigner } from "@shoal/dht/node";
import { CliError } from "../../error.ts";

type Signer = ReturnType<typeof nodeSigner>;

/** @throws CliError `ERR_CLI_KEY` for a file that holds no key; Node's file errors. */
export async function readKey(path: string): Promise<Signer> {
  const seed = fromHex((await readFile(path, "latin1")).trim());
  if (seed?.length === 32) return nodeSigner(seed);
  throw new CliError(
    "ERR_CLI_KEY",
    `'${path}' holds no key: expected 64 hex digits, as 'shoal dht put --key' writes them`,
  );
}

/** Reads the key, or makes one that only the user can read. @throws as {@link readKey} */
export async function readOrMakeKey(path: string): Promise<Signer> {
  const signer = nodeSigner();
  try {
    await writeFile(path, `${toHex(signer.seed)}\n`, { flag: "wx", mode: 0o600 });
    return signer;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return readKey(path);
  }
}
