// `shoal download`: fetches a torrent's data and, if wished, goes on seeding.
import { join, resolve } from "node:path";
import { type FileRange, formatTorrent, type Metainfo } from "@shoal/metainfo";
import type { CreateSessionOptions, FilePriority, Torrent } from "@shoal/session";
import { type PeerName, selectedFiles } from "../arguments.ts";
import type { Context } from "../context.ts";
import { type DiscoveryOptions, discoveryOptions } from "../discovery.ts";
import { fetchMetadata } from "../fetch-metadata.ts";
import { fetchTorrent } from "../fetch-torrent.ts";
import { prepareFolder } from "../folder.ts";
import { resolvePeers } from "../peers.ts";
import { refuseExisting, writeTorrentFile } from "../torrent-file.ts";
import { addTorrent, seedUntilLeft, watch, withSession } from "../with-session.ts";
import { createdReport } from "./create.ts";

/** What the user chose. */
export interface DownloadOptions extends DiscoveryOptions {
  /** The folder that the torrent's file or folder goes into. */
  readonly output: string;
  readonly peer?: readonly PeerName[];
  readonly port?: number;
  readonly seed?: boolean;
  readonly files?: readonly FileRange[];
  readonly sequential?: boolean;
  /** Write the torrent file, and download nothing else. */
  readonly metadataOnly?: boolean;
  /** Bytes per second. */
  readonly down?: number;
  readonly up?: number;
  /** Whether to ask trackers. */
  readonly tracker: boolean;
  /** Web seeds besides those of the torrent; false for none at all. */
  readonly webseed?: readonly string[] | false;
}

/** @param source A torrent file's path or http(s) URL, a magnet link or an info-hash. */
export async function download(
  source: string,
  options: DownloadOptions,
  context: Context,
): Promise<void> {
  const folder = resolve(options.output);
  const peers = await resolvePeers(options.peer ?? [], {
    signal: context.signal,
    bind: options.bind,
  });
  await withSession(context, sessionOptions(options, context), async (session) => {
    const { sequential, webseed } = options;
    const added = { path: folder, paused: true, peers, sequential, webSeeds: webseed || [] };
    const torrent = await addTorrent(session, source, added, context);
    if (options.metadataOnly) {
      await writeMetadata(torrent, folder, context);
      return;
    }
    if (torrent.metainfo === undefined) {
      await prepareFolder(folder);
      await fetchMetadata(torrent, context, (metainfo) => select(torrent, metainfo, options.files));
    } else select(torrent, torrent.metainfo, options.files);
    const path = join(folder, torrent.name);
    reportAdded(torrent, path, context);
    await prepareFolder(folder);
    await fetchTorrent(torrent, { port: session.port, path }, context);
    if (!options.seed) return;
    const stop = watch(torrent, context.reporter);
    await seedUntilLeft(torrent, context).finally(stop);
  });
}

function sessionOptions(options: DownloadOptions, context: Context): CreateSessionOptions {
  const { port, down, up, tracker, webseed } = options;
  return {
    ...discoveryOptions(options, context),
    trackers: tracker,
    webSeeds: webseed !== false,
    ...(port === undefined ? {} : { port }),
    ...(down === undefined ? {} : { downloadRateLimit: down }),
    ...(up === undefined ? {} : { uploadRateLimit: up }),
  };
}

function reportAdded({ name, infoHash, metainfo }: Torrent, path: string, context: Context): void {
  const total = metainfo?.geometry.totalLength ?? 0;
  const files = metainfo?.files.length ?? 0;
  context.reporter.report({ event: "added", name, infoHash, total, files, path });
}

/** Leaves out the files that were not chosen. */
function select(
  torrent: Torrent,
  { files }: Metainfo,
  ranges: readonly FileRange[] | undefined,
): void {
  if (ranges === undefined) return;
  const selected = selectedFiles(ranges, files.length);
  const others = [...files.keys()].filter((index) => !selected.has(index));
  torrent.setPriorities(new Map(others.map((index): [number, FilePriority] => [index, 0])));
}

/** Writes `NAME.torrent` into the folder. */
async function writeMetadata(torrent: Torrent, folder: string, context: Context): Promise<void> {
  await prepareFolder(folder);
  // Paused before anything is opened, nothing is downloaded.
  const metainfo =
    torrent.metainfo ?? (await fetchMetadata(torrent, context, () => void torrent.pause()));
  const file = join(folder, `${metainfo.name}.torrent`);
  await refuseExisting(file);
  const bytes = formatTorrent(metainfo);
  await writeTorrentFile(file, bytes);
  context.reporter.report(createdReport(file, bytes));
}
