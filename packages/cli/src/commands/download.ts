// `shoal download`: fetches a torrent's data and, if wished, goes on seeding.
import { join, resolve } from "node:path";
import type { FileRange } from "@shoal/metainfo";
import type { CreateSessionOptions, FilePriority, Torrent } from "@shoal/session";
import { type PeerName, selectedFiles } from "../arguments.ts";
import type { Context } from "../context.ts";
import { fetchTorrent } from "../fetch-torrent.ts";
import { prepareFolder } from "../folder.ts";
import { resolvePeers } from "../peers.ts";
import {
  addTorrent,
  type DiscoveryOptions,
  discoveryOptions,
  refuseMagnet,
  seedUntilLeft,
  watch,
  withSession,
} from "../with-session.ts";

/** What the user chose. */
export interface DownloadOptions extends DiscoveryOptions {
  /** The folder that the torrent's file or folder goes into. */
  readonly output: string;
  readonly peer?: readonly PeerName[];
  readonly port?: number;
  readonly seed?: boolean;
  readonly files?: readonly FileRange[];
  readonly sequential?: boolean;
  /** Bytes per second. */
  readonly down?: number;
  readonly up?: number;
  /** Whether to ask trackers. */
  readonly tracker: boolean;
}

/** @param source A torrent file's path or http(s) URL. */
export async function download(
  source: string,
  options: DownloadOptions,
  context: Context,
): Promise<void> {
  refuseMagnet(source);
  const folder = resolve(options.output);
  const peers = await resolvePeers(options.peer ?? [], context.signal);
  await withSession(context, sessionOptions(options, context), async (session) => {
    const { sequential } = options;
    const added = { path: folder, paused: true, peers, sequential };
    const torrent = await addTorrent(session, source, added, context);
    if (options.files) select(torrent, options.files);
    const path = join(folder, torrent.name);
    const { name, infoHash, files } = torrent;
    const total = torrent.metainfo?.geometry.totalLength ?? 0;
    context.reporter.report({ event: "added", name, infoHash, total, files: files.length, path });
    await prepareFolder(folder);
    await fetchTorrent(torrent, { port: session.port, path }, context);
    if (!options.seed) return;
    const stop = watch(torrent, context.reporter);
    await seedUntilLeft(torrent, context).finally(stop);
  });
}

function sessionOptions(options: DownloadOptions, context: Context): CreateSessionOptions {
  const { port, down, up, tracker } = options;
  return {
    ...discoveryOptions(options, context),
    trackers: tracker,
    ...(port === undefined ? {} : { port }),
    ...(down === undefined ? {} : { downloadRateLimit: down }),
    ...(up === undefined ? {} : { uploadRateLimit: up }),
  };
}

/** Leaves out the files that were not chosen. */
function select(torrent: Torrent, ranges: readonly FileRange[]): void {
  const selected = selectedFiles(ranges, torrent.files.length);
  const others = torrent.files.filter(({ index }) => !selected.has(index));
  torrent.setPriorities(new Map(others.map(({ index }): [number, FilePriority] => [index, 0])));
}
