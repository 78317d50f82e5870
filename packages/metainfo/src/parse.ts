// Reads torrent files, and info dictionaries that came from peers.
import { BencodeDict, decodePrefix } from "@shoal/bencode";
import { copyBytes } from "@shoal/core";
import { readNodes, readTrackers, readWebSeeds } from "./announce.ts";
import { MetainfoError } from "./error.ts";
import { FaultList } from "./faults.ts";
import { bencodeError, readInfo } from "./info.ts";
import type { Metainfo, ParseOptions } from "./metainfo.ts";

/** Bytes that a torrent file may have. */
const MAX_BYTES = 10_000_000;

/**
 * Reads a torrent file (BEP 3): v1, or the v1 part of a hybrid. What real torrents get wrong without
 * doubt about the meaning is tolerated and told in `faults`; a torrent that could not be downloaded
 * as its maker meant it is refused.
 *
 * @param bytes Not kept: the result has its own copy of what it needs.
 * @throws MetainfoError
 */
export function parseTorrent(bytes: Uint8Array, options: ParseOptions = {}): Metainfo {
  if (bytes.length > MAX_BYTES) {
    throw new MetainfoError(
      "ERR_METAINFO_TOO_LARGE",
      `expected a torrent file of at most ${MAX_BYTES} bytes, got ${bytes.length}`,
    );
  }
  const faults = new FaultList();
  const root = decodeRoot(bytes, faults);
  const span = root.dict("info")?.raw;
  if (span === undefined) {
    throw new MetainfoError("ERR_METAINFO_MISSING_INFO", "expected an 'info' dictionary");
  }
  const info = readInfo(copyBytes(span), options, faults);
  const creationDate = root.int("creation date");
  return {
    ...info,
    trackers: readTrackers(root, faults),
    webSeeds: readWebSeeds(root.get("url-list"), info.files.length > 1, faults),
    httpSeeds: readWebSeeds(root.get("httpseeds"), false, faults),
    nodes: readNodes(root),
    comment: root.text("comment.utf-8") ?? root.text("comment"),
    createdBy: root.text("created by.utf-8") ?? root.text("created by"),
    creationDate: creationDate !== undefined && creationDate >= 0 ? creationDate : undefined,
    encoding: root.text("encoding"),
    faults: faults.list(),
  };
}

/**
 * Reads an info dictionary alone, as peers send it (BEP 9). The caller has compared its hash.
 *
 * @param infoBytes Kept, not copied: they must not change afterwards.
 * @throws MetainfoError
 */
export function parseInfo(infoBytes: Uint8Array, options: ParseOptions = {}): Metainfo {
  const faults = new FaultList();
  const info = readInfo(infoBytes, options, faults);
  return {
    ...info,
    trackers: [],
    webSeeds: [],
    httpSeeds: [],
    nodes: [],
    faults: faults.list(),
  };
}

function decodeRoot(bytes: Uint8Array, faults: FaultList): BencodeDict {
  try {
    const { value, length } = decodePrefix(bytes, {
      onFault: ({ code }) => faults.add(`the torrent is not canonical bencode: ${code}`),
    });
    if (!(value instanceof BencodeDict)) {
      throw new MetainfoError("ERR_METAINFO_NOT_A_DICTIONARY", "expected a dictionary");
    }
    if (length < bytes.length) faults.add(`${bytes.length - length} bytes follow the torrent`);
    return value;
  } catch (cause) {
    throw bencodeError(cause);
  }
}
