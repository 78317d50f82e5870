// `shoal create`: makes a torrent of a file or a folder.
import { basename, resolve } from "node:path";
import { toHex } from "@shoal/core";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import { createTorrent } from "@shoal/session";
import type { Context } from "../context.ts";
import type { CreatedReport } from "../report/report.ts";
import { refuseExisting, writeTorrentFile } from "../torrent-file.ts";

/** What the user chose for the torrent itself. */
export interface TorrentOptions {
  /** Each a tier of its own. */
  readonly tracker?: readonly string[];
  readonly webseed?: readonly string[];
  /** Bytes. */
  readonly pieceLength?: number;
  readonly private?: boolean;
  readonly comment?: string;
  readonly source?: string;
}

/** What the user chose. */
export interface CreateOptions extends TorrentOptions {
  /** The file to write; `NAME.torrent` in the working folder by default. */
  readonly output?: string;
}

/** @param payload The path of a file or folder. */
export async function create(
  payload: string,
  options: CreateOptions,
  context: Context,
): Promise<void> {
  const file = resolve(options.output ?? `${basename(resolve(payload))}.torrent`);
  await refuseExisting(file);
  const bytes = await hashPayload(payload, options, context);
  await writeTorrentFile(file, bytes);
  context.reporter.report(createdReport(file, bytes));
}

/** Makes the torrent's bytes, with progress. */
export function hashPayload(
  payload: string,
  options: TorrentOptions,
  { reporter, signal }: Context,
): Promise<Uint8Array> {
  return createTorrent(payload, {
    trackers: (options.tracker ?? []).map((url) => [url]),
    webSeeds: options.webseed ?? [],
    pieceLength: options.pieceLength,
    isPrivate: options.private ?? false,
    comment: options.comment,
    source: options.source,
    onProgress: (done, total) => reporter.report({ event: "hashing", done, total }),
    signal,
  });
}

/** What is told of a torrent file that was written. */
export function createdReport(path: string, bytes: Uint8Array): CreatedReport {
  const metainfo = parseTorrent(bytes);
  const { v1 = new Uint8Array() } = metainfo.infoHashes;
  return { event: "created", path, infoHash: toHex(v1), magnet: formatMagnet(metainfo) };
}
