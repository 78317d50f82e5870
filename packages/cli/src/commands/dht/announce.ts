// `shoal dht announce`: tells the DHT of a peer on this machine.
import { toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import type { Context } from "../../context.ts";
import { type NodeOptions, parseInfoHash } from "./options.ts";
import { withGuest } from "./with-node.ts";

/** What the user chose. */
export interface AnnounceOptions extends Omit<NodeOptions, "port"> {
  /** Where the peer accepts connections. */
  readonly port: number;
}

/**
 * Announces once. Nodes keep it for half an hour or so.
 *
 * @param source An info-hash or a magnet link.
 */
export async function announce(
  source: string,
  { port, ...options }: AnnounceOptions,
  context: Context,
): Promise<void> {
  const hash = parseInfoHash(source);
  await withGuest(options, context, async (node, signal) => {
    const nodes = await announced(node, hash, port, signal);
    context.reporter.report({ event: "announced", infoHash: toHex(hash), port, nodes });
  });
}

/** Resolves to how many nodes took it, when one did. @throws the signal's reason. */
function announced(
  node: DhtNode,
  infoHash: Uint8Array,
  port: number,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      announcement.close();
      reject(signal.reason);
    };
    const announcement = node.announce(infoHash, {
      port,
      announced: (stored) => {
        if (stored === 0) return;
        announcement.close();
        signal.removeEventListener("abort", giveUp);
        resolve(stored);
      },
    });
    signal.addEventListener("abort", giveUp, { once: true });
  });
}
