// `shoal dht sample`: info-hashes that nodes of the DHT know (BEP 51).
import { errorCode, toHex } from "@shoal/core";
import type { Context } from "../../context.ts";
import { CliError } from "../../error.ts";
import type { NodeOptions } from "./options.ts";
import { withGuest } from "./with-node.ts";

/** What the user chose. */
export interface SampleOptions extends NodeOptions {
  /** So many info-hashes. */
  readonly count: number;
}

/**
 * Walks through the DHT until there are enough, or every node was asked.
 *
 * @throws CliError `ERR_CLI_NOT_FOUND` if there are none.
 */
export async function sample(options: SampleOptions, context: Context): Promise<void> {
  const { reporter } = context;
  await withGuest(options, context, async (node, signal) => {
    let count = 0;
    try {
      for await (const { infoHash, node: from } of node.crawl({ signal })) {
        count++;
        reporter.report({ event: "sample", infoHash: toHex(infoHash), ...from });
        if (count >= options.count) break;
      }
    } catch (error) {
      // What was found before the time was over is a result.
      if (count === 0 || errorCode(error) !== "ERR_CLI_TIMEOUT") throw error;
    }
    if (count > 0) return;
    throw new CliError("ERR_CLI_NOT_FOUND", "none of the nodes that were asked tells an info-hash");
  });
}
