// `shoal dht put`: stores a text or a small file in the DHT (BEP 44).
import { open } from "node:fs/promises";
import { toHex } from "@shoal/core";
import type { Context } from "../../context.ts";
import { CliError, UsageError } from "../../error.ts";
import type { StoredReport } from "../../report/dht.ts";
import { readOrMakeKey } from "./key-file.ts";
import type { NodeOptions } from "./options.ts";
import { withGuest } from "./with-node.ts";

/** A value of 1000 bytes in bencoding, less its length and colon. */
const MAX_BYTES = 996;

/** What the user chose. */
export interface PutOptions extends NodeOptions {
  /** Of the value, instead of a text. */
  readonly file?: string;
  /** Makes the item mutable: the file of its private key. */
  readonly key?: string;
  readonly salt?: string;
  readonly seq?: bigint;
}

/** @param text The value, unless it is in a file. */
export async function put(
  text: string | undefined,
  options: PutOptions,
  context: Context,
): Promise<void> {
  const { key, salt, seq } = options;
  if (key === undefined && (salt !== undefined || seq !== undefined)) {
    throw new UsageError("--salt and --seq are for mutable items, which need --key FILE");
  }
  const value = await readValue(text, options.file);
  const signer = key === undefined ? undefined : await readOrMakeKey(key);
  const report = await withGuest(options, context, async (node, signal): Promise<StoredReport> => {
    if (signer === undefined) {
      const { target, nodes } = await node.put(value, { signal });
      return { event: "stored", target: toHex(target), nodes };
    }
    const stored = await node.putMutable({
      signer,
      value,
      signal,
      ...(salt === undefined ? {} : { salt: new TextEncoder().encode(salt) }),
      ...(seq === undefined ? {} : { seq }),
    });
    return {
      event: "stored",
      target: toHex(stored.target),
      nodes: stored.nodes,
      publicKey: toHex(signer.publicKey),
      salt,
      seq: String(stored.seq),
    };
  });
  context.reporter.report(report);
}

async function readValue(text: string | undefined, path: string | undefined): Promise<Uint8Array> {
  if ((text === undefined) === (path === undefined)) {
    throw new UsageError("say what to store: either a text or --file FILE");
  }
  const bytes = path === undefined ? new TextEncoder().encode(text) : await readSmall(path);
  if (bytes.length <= MAX_BYTES) return bytes;
  throw new CliError(
    "ERR_CLI_TOO_LARGE",
    `the DHT stores at most ${MAX_BYTES} bytes in one item, and this has more; share it as a torrent ('shoal seed')`,
  );
}

/** Reads a little more than what can be stored at most, however long the file is. */
async function readSmall(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const bytes = new Uint8Array(MAX_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length);
  }
}
