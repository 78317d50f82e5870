// `shoal seed`: offers complete data of a torrent, which is made on the way if there is none.
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { equalBytes } from "@shoal/core";
import { type Metainfo, parseTorrent } from "@shoal/metainfo";
import type { CreateSessionOptions } from "@shoal/session";
import type { PeerName } from "../arguments.ts";
import type { Context } from "../context.ts";
import { inspect } from "../data-check.ts";
import { type DiscoveryOptions, discoveryOptions } from "../discovery.ts";
import { CliError, UsageError } from "../error.ts";
import { resolvePeers } from "../peers.ts";
import type { CheckedReport } from "../report/report.ts";
import { existsError, readTorrentFile, writeTorrentFile } from "../torrent-file.ts";
import {
  addTorrent,
  refuseMagnet,
  seedUntilLeft,
  untilChecked,
  watch,
  withSession,
} from "../with-session.ts";
import { createdReport, hashPayload } from "./create.ts";

/** What the user chose. */
export interface SeedOptions extends DiscoveryOptions {
  /** The folder that holds the torrent's file or folder; absent if a torrent is to be made. */
  readonly data?: string;
  readonly tracker?: readonly string[];
  readonly peer?: readonly PeerName[];
  readonly port?: number;
  /** Bytes per second. */
  readonly up?: number;
}

/** A torrent and the folder that its data is in. */
interface Offer {
  readonly torrent: string | Uint8Array;
  readonly folder: string;
}

/** @param source A torrent file's path or http(s) URL if `data` is given, else the payload's path. */
export async function seed(source: string, options: SeedOptions, context: Context): Promise<void> {
  const { reporter } = context;
  const offer = await offerOf(source, options, context);
  const peers = await resolvePeers(options.peer ?? [], {
    signal: context.signal,
    bind: options.bind,
  });
  await withSession(context, sessionOptions(options, context), async (session) => {
    const { folder } = offer;
    const added = { path: folder, paused: true, peers };
    const torrent = await addTorrent(session, offer.torrent, added, context);
    const { name, infoHash, files } = torrent;
    const total = torrent.metainfo?.geometry.totalLength ?? 0;
    const path = join(folder, name);
    reporter.report({ event: "added", name, infoHash, total, files: files.length, path });
    await untilChecked(torrent, context);
    const checked = await inspect(torrent, folder);
    if (checked.badPieces.length > 0) {
      reporter.report(checked);
      throw dataError(checked, name, folder);
    }
    await torrent.resume();
    reporter.report({ event: "ready", port: session.port, infoHash });
    const stop = watch(torrent, reporter);
    await seedUntilLeft(torrent, context).finally(stop);
  });
}

function sessionOptions(options: SeedOptions, context: Context): CreateSessionOptions {
  const { port, up } = options;
  return {
    ...discoveryOptions(options, context),
    ...(port === undefined ? {} : { port }),
    ...(up === undefined ? {} : { uploadRateLimit: up }),
  };
}

async function offerOf(source: string, options: SeedOptions, context: Context): Promise<Offer> {
  refuseMagnet(source);
  if (options.data !== undefined) {
    if (options.tracker === undefined) return { torrent: source, folder: resolve(options.data) };
    throw new UsageError("--tracker is for new torrents; leave out either it or --data");
  }
  if (/\.torrent$|^https?:/i.test(source)) {
    throw new UsageError(`to seed '${source}', say with --data DIR which folder holds its data`);
  }
  const payload = resolve(source);
  const folder = dirname(payload);
  const bytes = await hashPayload(payload, options, context);
  const file = join(folder, `${basename(payload)}.torrent`);
  const torrent = await keepOrWrite(file, bytes);
  context.reporter.report(createdReport(file, torrent));
  return { torrent, folder };
}

/** Writes the torrent unless the same was written before, as when a folder is seeded again. */
async function keepOrWrite(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  if ((await stat(file).catch(() => undefined)) === undefined) {
    await writeTorrentFile(file, bytes);
    return bytes;
  }
  if (!isSame(await readTorrentFile(file), parseTorrent(bytes))) throw existsError(file);
  return readFile(file);
}

function isSame(one: Metainfo, other: Metainfo): boolean {
  const trackers = [one, other].map((metainfo) => JSON.stringify(metainfo.trackers));
  return equalBytes(one.infoBytes, other.infoBytes) && trackers[0] === trackers[1];
}

function dataError(checked: CheckedReport, name: string, folder: string): CliError {
  const { badFiles, fileCount } = checked;
  const named = badFiles.slice(0, 3).map(({ path, problem }) => `${path} (${problem})`);
  const more = badFiles.length > named.length ? `, and ${badFiles.length - named.length} more` : "";
  const isInside = basename(folder) === name && badFiles.length === fileCount;
  const advice = isInside
    ? `--data names the folder that holds '${name}': try --data '${dirname(folder)}'`
    : "'shoal download' fetches what is missing";
  return new CliError(
    "ERR_CLI_DATA",
    `can't seed: ${badFiles.length} of ${fileCount} files are missing or bad: ${named.join(", ")}${more}; ${advice}`,
  );
}
