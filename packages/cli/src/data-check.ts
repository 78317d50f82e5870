// Compares what lies on disk with a torrent that was checked.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Bitfield } from "@shoal/core";
import type { Torrent, TorrentFileHandle } from "@shoal/session";
import { formatSize } from "./format.ts";
import type { BadFile, CheckedReport } from "./report/report.ts";

/** @param folder What the torrent was added with as its path. */
export async function inspect(torrent: Torrent, folder: string): Promise<CheckedReport> {
  const { pieceCount } = torrent.progress;
  const have = Bitfield.from(torrent.pieces, pieceCount);
  const badPieces = Array.from({ length: pieceCount }, (_, i) => i).filter((i) => !have?.has(i));
  const files = torrent.files.filter(({ index }) => isPlain(torrent, index));
  const badFiles: BadFile[] = [];
  for (const file of files) {
    const problem = await problemOf(file, folder);
    if (problem === undefined) continue;
    const { index, path, length } = file;
    badFiles.push({ index, path, length, problem });
  }
  return {
    event: "checked",
    infoHash: torrent.infoHash,
    path: join(folder, torrent.name),
    ok: badPieces.length === 0 && badFiles.length === 0,
    pieceCount,
    badPieces,
    fileCount: files.length,
    badFiles,
  };
}

/** Padding is not stored, and a link has no bytes. */
function isPlain(torrent: Torrent, index: number): boolean {
  const file = torrent.metainfo?.files[index];
  return file !== undefined && !file.pad && file.symlink === undefined;
}

async function problemOf(
  { path, length, downloaded }: TorrentFileHandle,
  folder: string,
): Promise<string | undefined> {
  const found = await stat(join(folder, path)).catch(() => undefined);
  if (found === undefined) return "missing";
  if (!found.isFile()) return "not a file";
  if (found.size !== length) return `has ${found.size} bytes instead of ${length}`;
  if (downloaded === length) return undefined;
  return `${formatSize(length - downloaded)} of ${formatSize(length)} are in bad pieces`;
}
