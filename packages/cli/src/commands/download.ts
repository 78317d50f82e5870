// `shoal download`: fetches a torrent's data and, if wished, goes on seeding.
import { access, constants, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { FileRange } from "@shoal/metainfo";
import type { CreateSessionOptions, FilePriority, Torrent } from "@shoal/session";
import { type PeerName, selectedFiles } from "../arguments.ts";
import type { Context } from "../context.ts";
import { CliError, explain } from "../error.ts";
import { fetchTorrent } from "../fetch-torrent.ts";
import { resolvePeers } from "../peers.ts";
import { addTorrent, refuseMagnet, seedUntilLeft, watch, withSession } from "../with-session.ts";

/** What the user chose. */
export interface DownloadOptions {
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
  await withSession(context, sessionOptions(options), async (session) => {
    const { sequential } = options;
    const torrent = await addTorrent(session, source, { path: folder, peers, sequential }, context);
    if (options.files) select(torrent, options.files);
    const path = join(folder, torrent.name);
    const { name, infoHash, files } = torrent;
    const total = torrent.metainfo.geometry.totalLength;
    context.reporter.report({ event: "added", name, infoHash, total, files: files.length, path });
    const done = fetchTorrent(torrent, { port: session.port, path }, context);
    await Promise.all([prepareFolder(folder), done]);
    if (!options.seed) return;
    const stop = watch(torrent, context.reporter);
    await seedUntilLeft(torrent, context).finally(stop);
  });
}

function sessionOptions({ port, down, up, tracker }: DownloadOptions): CreateSessionOptions {
  return {
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

/** Finds out at once what would otherwise only show when the first piece is written. */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new CliError(
      "ERR_CLI_FOLDER",
      `can't download to '${folder}': ${explain(cause).message}, or choose another folder with -o`,
      { cause },
    );
  }
}
