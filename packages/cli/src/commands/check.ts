// `shoal check`: verifies data on disk, without a network.
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { inspect } from "../data-check.ts";
import { CliError } from "../error.ts";
import { formatCount } from "../format.ts";
import { addTorrent, refuseMagnet, untilChecked, withSession } from "../with-session.ts";

/** What the user chose. */
export interface CheckOptions {
  /** The folder that holds the torrent's file or folder. */
  readonly data: string;
}

/** @throws CliError `ERR_CLI_DATA` if the data is not what the torrent says. */
export async function check(
  source: string,
  options: CheckOptions,
  context: Context,
): Promise<void> {
  refuseMagnet(source);
  const folder = resolve(options.data);
  const settings = {
    listen: false,
    trackers: false,
    dht: false,
    lsd: false,
    portMapping: false,
    pex: false,
    metadata: false,
    webSeeds: false,
  };
  const report = await withSession(context, settings, async (session) => {
    const torrent = await addTorrent(session, source, { path: folder, paused: true }, context);
    await untilChecked(torrent, context);
    return inspect(torrent, folder);
  });
  context.reporter.report(report);
  if (report.ok) return;
  const { badFiles, badPieces } = report;
  throw new CliError(
    "ERR_CLI_DATA",
    `${formatCount(badFiles.length, "file")} and ${formatCount(badPieces.length, "piece")} of '${report.path}' are not what the torrent says; 'shoal download' can mend them`,
  );
}
