// `shoal dht peers`: finds the peers of a torrent.
import { errorCode, toHex } from "@shoal/core";
import type { Context } from "../../context.ts";
import { CliError } from "../../error.ts";
import { type NodeOptions, parseInfoHash } from "./options.ts";
import { withGuest } from "./with-node.ts";

/**
 * Reports peers as they come, until the nodes closest to the info-hash have answered.
 *
 * @param source An info-hash or a magnet link.
 * @throws CliError `ERR_CLI_NOT_FOUND` if there are none.
 */
export async function peers(source: string, options: NodeOptions, context: Context): Promise<void> {
  const hash = parseInfoHash(source);
  const infoHash = toHex(hash);
  const { reporter } = context;
  await withGuest(options, context, async (node, signal) => {
    let count = 0;
    try {
      for await (const { address, port } of node.lookup(hash, { signal })) {
        count++;
        reporter.report({ event: "peer", address, port });
      }
    } catch (error) {
      // What was found before the time was over is a result.
      if (count === 0 || errorCode(error) !== "ERR_CLI_TIMEOUT") throw error;
    }
    if (count === 0) {
      throw new CliError(
        "ERR_CLI_NOT_FOUND",
        `the DHT knows no peers of ${infoHash}; check the info-hash, or try again later`,
      );
    }
    reporter.report({ event: "peers", infoHash, count });
  });
}
