// A DHT node for the length of a task.
import { setTimeout as sleep } from "node:timers/promises";
import type { DhtNode } from "@shoal/dht";
import { createDht } from "@shoal/dht/node";
import type { Context } from "../../context.ts";
import { CliError, UsageError } from "../../error.ts";
import { resolvePeers } from "../../peers.ts";
import type { NodeOptions } from "./options.ts";

const DEFAULT_TIMEOUT = 60;
/** How often we look whether a node has answered, in ms. */
const POLL_MS = 20;

/**
 * Starts a node, does the task, and closes the node however the task ends.
 *
 * The node asks and answers nobody (BEP 43): others would only remember it in vain.
 *
 * @param task Its signal aborts when the user leaves or the time is over.
 * @throws CliError `ERR_CLI_NO_NODE` if no node answers; what the task and `createDht` throw.
 */
export async function withGuest<T>(
  options: NodeOptions,
  context: Context,
  task: (node: DhtNode, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const seconds = options.timeout ?? DEFAULT_TIMEOUT;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutError(seconds)), seconds * 1000);
  const signal = AbortSignal.any([context.signal, timeout.signal]);
  const node = await startNode(options, { readOnly: true }, signal).catch((error: unknown) => {
    clearTimeout(timer);
    throw error;
  });
  try {
    await untilMet(node, signal).catch((error: unknown) => {
      throw timeout.signal.aborted ? noNodeError(seconds) : error;
    });
    return await task(node, signal);
  } finally {
    clearTimeout(timer);
    await node.close();
  }
}

/** Starts a node on the sockets and with the nodes that the user named. */
export async function startNode(
  { bootstrap, port = 0, ipv4 = false, ipv6 = false }: NodeOptions,
  { readOnly }: { readonly readOnly: boolean },
  signal: AbortSignal,
): Promise<DhtNode> {
  if (ipv4 && ipv6) throw new UsageError("-4 and -6 exclude each other; leave both out for both");
  const only = ipv4 ? "0.0.0.0" : ipv6 ? "::" : undefined;
  // Well-known names may have no address today; those that the user gave must.
  const nodes = bootstrap && (await resolvePeers(bootstrap, { signal, what: "DHT node" }));
  return createDht({
    port,
    readOnly,
    ...(only === undefined ? {} : { addresses: [only] }),
    ...(nodes === undefined ? {} : { bootstrap: nodes }),
  });
}

async function untilMet(node: DhtNode, signal: AbortSignal): Promise<void> {
  while (node.nodes().length === 0) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function noNodeError(seconds: number): CliError {
  return new CliError(
    "ERR_CLI_NO_NODE",
    `no DHT node answered in ${seconds} s; check the network, or name nodes that run with --bootstrap`,
  );
}

function timeoutError(seconds: number): CliError {
  return new CliError(
    "ERR_CLI_TIMEOUT",
    `the DHT gave no answer in ${seconds} s; wait longer with --timeout`,
  );
}
