// `shoal info`: shows what a torrent file or a magnet link says.
import { formatEndpoint, toHex } from "@shoal/core";
import { formatMagnet, type HostPort, type Metainfo, parseMagnet } from "@shoal/metainfo";
import type { Context } from "../context.ts";
import { UsageError } from "../error.ts";
import type { MagnetReport, TorrentReport } from "../report/report.ts";
import { readTorrentFile } from "../torrent-file.ts";

/** @param source A torrent file's path or a magnet link. */
export async function info(source: string, { reporter }: Context): Promise<void> {
  if (/^https?:/i.test(source)) {
    throw new UsageError(`expected a torrent file or a magnet link, got the URL '${source}'`);
  }
  reporter.report(
    /^magnet:/i.test(source) ? magnetReport(source) : torrentReport(await readTorrentFile(source)),
  );
}

function torrentReport(metainfo: Metainfo): TorrentReport {
  const { v1, v2 } = metainfo.infoHashes;
  const { totalLength, pieceLength, pieceCount } = metainfo.geometry;
  return {
    event: "info",
    kind: "torrent",
    name: metainfo.name,
    infoHash: v1 && toHex(v1),
    infoHashV2: v2 && toHex(v2),
    total: totalLength,
    pieceLength,
    pieceCount,
    private: metainfo.isPrivate,
    source: metainfo.source,
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    creationDate: metainfo.creationDate,
    encoding: metainfo.encoding,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    httpSeeds: metainfo.httpSeeds,
    nodes: metainfo.nodes.map(formatNode),
    files: metainfo.files.map((file, index) => ({
      index,
      path: file.path.join("/"),
      length: file.length,
      pad: file.pad,
      executable: file.executable,
      hidden: file.hidden,
      symlink: file.symlink?.join("/"),
    })),
    faults: metainfo.faults,
    magnet: formatMagnet(metainfo),
  };
}

function magnetReport(uri: string): MagnetReport {
  const magnet = parseMagnet(uri);
  const { v1, v2 } = magnet.infoHashes;
  return {
    event: "info",
    kind: "magnet",
    name: magnet.name,
    infoHash: v1 && toHex(v1),
    infoHashV2: v2 && toHex(v2),
    trackers: magnet.trackers,
    webSeeds: magnet.webSeeds,
    exactSources: magnet.exactSources,
    peers: magnet.peers.map(formatEndpoint),
    nodes: magnet.nodes.map(formatNode),
    selectOnly: magnet.selectOnly,
  };
}

function formatNode({ host, port }: HostPort): string {
  return formatEndpoint({ address: host, port });
}
