// Writes a torrent file of a torrent that was parsed, such as one whose metadata came from peers.
import { decodePrefix, encode } from "@shoal/bencode";
import type { Metainfo } from "./metainfo.ts";

/**
 * The torrent file of a metainfo. Its info dictionary is written as it stood, so the info-hash stays;
 * what else a parsed file may have held and `Metainfo` does not tell is left out.
 */
export function formatTorrent(metainfo: Metainfo): Uint8Array {
  const { trackers, webSeeds, httpSeeds, nodes } = metainfo;
  return encode({
    announce: trackers.flat()[0],
    "announce-list": trackers.flat().length > 1 ? trackers : undefined,
    comment: metainfo.comment,
    "created by": metainfo.createdBy,
    "creation date": metainfo.creationDate,
    encoding: metainfo.encoding,
    httpseeds: unlessEmpty(httpSeeds),
    info: decodePrefix(metainfo.infoBytes).value,
    nodes: unlessEmpty(nodes)?.map(({ host, port }) => [host, port]),
    "url-list": unlessEmpty(webSeeds),
  });
}

function unlessEmpty<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}
