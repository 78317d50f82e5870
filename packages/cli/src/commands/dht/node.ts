// `shoal dht node`: takes part in the DHT, and tells how it goes.
import { formatEndpoint, toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import type { Context } from "../../context.ts";
import type { TrafficReport } from "../../report/dht.ts";
import type { NodeOptions } from "./options.ts";
import { startNode } from "./with-node.ts";

/** Runs until the user leaves or the time is over. */
export async function runNode(options: NodeOptions, context: Context): Promise<void> {
  const { reporter, signal } = context;
  const node = await startNode(options, { readOnly: false }, signal);
  const addresses = node.addresses.map(formatEndpoint);
  reporter.report({ event: "node", addresses, ids: node.ids.map(toHex) });
  const began = performance.now();
  const report = (): void => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    reporter.report(trafficReport(node, seconds));
  };
  const timer = setInterval(report, reporter.intervalMs);
  try {
    report();
    await until(signal, options.timeout);
  } finally {
    clearInterval(timer);
    report();
    await node.close();
  }
}

function trafficReport(node: DhtNode, seconds: number): TrafficReport {
  const { sites, ...stats } = node.stats();
  return {
    event: "dht",
    seconds,
    nodes: sites.reduce((sum, site) => sum + site.nodes, 0),
    external: sites.map(({ external }) => external).filter((address) => address !== undefined),
    ...stats,
  };
}

/** @param seconds Without end if undefined. */
function until(signal: AbortSignal, seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = seconds === undefined ? undefined : setTimeout(() => resolve(), 1000 * seconds);
    const leave = (): void => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
