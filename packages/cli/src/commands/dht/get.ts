// `shoal dht get`: finds an item of the DHT (BEP 44).
import { writeFile } from "node:fs/promises";
import { type BencodeValue, encode } from "@shoal/bencode";
import { toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import type { Context } from "../../context.ts";
import { CliError, UsageError } from "../../error.ts";
import type { ItemReport } from "../../report/dht.ts";
import { readKey } from "./key-file.ts";
import { type ItemName, type NodeOptions, parseItemName } from "./options.ts";
import { withGuest } from "./with-node.ts";

/** What the user chose. */
export interface GetOptions extends NodeOptions {
  /** File for the value. */
  readonly output?: string;
  /** Names a mutable item by the file of its private key. */
  readonly key?: string;
  readonly salt?: string;
}

/** An item, and what is told of it. */
interface Found {
  readonly value: BencodeValue;
  readonly about: Omit<ItemReport, "event" | "text" | "bencoded">;
}

/**
 * @param name The item's target or its owner's public key, unless there is a key file.
 * @throws CliError `ERR_CLI_NOT_FOUND`
 */
export async function get(
  name: string | undefined,
  options: GetOptions,
  context: Context,
): Promise<void> {
  const item = await itemName(name, options.key);
  if ("target" in item && options.salt !== undefined) {
    throw new UsageError("--salt is for mutable items, which are named by a public key or --key");
  }
  const found = await withGuest(options, context, (node, signal) =>
    "target" in item
      ? getImmutable(node, item.target, signal)
      : getMutable(node, item.publicKey, options.salt, signal),
  );
  if (found === undefined) {
    throw new CliError(
      "ERR_CLI_NOT_FOUND",
      "no node has that item; nodes forget items after two hours unless they are stored again",
    );
  }
  const { value, about } = found;
  const text = value instanceof Uint8Array ? textOf(value) : undefined;
  if (options.output !== undefined) {
    await writeFile(options.output, value instanceof Uint8Array ? value : encode(value));
  }
  context.reporter.report({ event: "item", ...about, text, bencoded: toHex(encode(value)) });
}

async function itemName(name: string | undefined, key: string | undefined): Promise<ItemName> {
  if ((name === undefined) === (key === undefined)) {
    throw new UsageError("say which item: its target, its owner's public key, or --key FILE");
  }
  return key === undefined
    ? parseItemName(name ?? "")
    : { publicKey: (await readKey(key)).publicKey };
}

async function getImmutable(
  node: DhtNode,
  target: Uint8Array,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const value = await node.get(target, { signal });
  return value === undefined ? undefined : { value, about: { target: toHex(target) } };
}

async function getMutable(
  node: DhtNode,
  publicKey: Uint8Array,
  salt: string | undefined,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const item = await node.getMutable(publicKey, {
    signal,
    ...(salt === undefined ? {} : { salt: new TextEncoder().encode(salt) }),
  });
  if (item === undefined) return undefined;
  const infoHash = item.infoHash && toHex(item.infoHash);
  const about = { publicKey: toHex(publicKey), salt, seq: String(item.seq), infoHash };
  return { value: item.value, about };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
