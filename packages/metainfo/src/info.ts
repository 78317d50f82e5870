// The info dictionary: names, sizes and hashes.

import { sha1 as defaultSha1 } from "@noble/hashes/legacy.js";
import { sha256 as defaultSha256 } from "@noble/hashes/sha2.js";
import { type BencodeDict, BencodeError, decodeDict } from "@shoal/bencode";
import { PieceGeometry, toHex } from "@shoal/core";
import { MetainfoError } from "./error.ts";
import type { FaultList } from "./faults.ts";
import { type FileList, readFiles, readSingleFile } from "./files.ts";
import { addRoots } from "./hybrid.ts";
import type { InfoHashes, Metainfo, ParseOptions, TorrentFile } from "./metainfo.ts";
import { isDots, sanitizeName } from "./path.ts";

/** The part of a torrent that its info-hash covers. */
export type Info = Pick<
  Metainfo,
  | "infoHashes"
  | "infoBytes"
  | "name"
  | "geometry"
  | "pieceHashes"
  | "files"
  | "isSingleFile"
  | "isPrivate"
  | "source"
>;

const MAX_PIECE_LENGTH = 32_767 * 16_384;
const MAX_PIECES = 2_097_152;
/** What an info dictionary may consist of. */
export const MAX_TOKENS = 2_500_000;
const SHA1_LENGTH = 20;

/**
 * Reads an info dictionary.
 *
 * @param infoBytes Kept as they are: they must not change afterwards.
 * @throws MetainfoError
 */
export function readInfo(infoBytes: Uint8Array, options: ParseOptions, faults: FaultList): Info {
  let isCanonical = true;
  const info = decodeInfo(infoBytes, (code) => {
    isCanonical = false;
    faults.add(`the info dictionary is not canonical bencode: ${code}`);
  });
  const version = readVersion(info, isCanonical);
  const pieceLength = readPieceLength(info, version);
  const { sha1 = defaultSha1, sha256 = defaultSha256 } = options;
  const infoHashes: InfoHashes = {
    v1: sha1(infoBytes),
    v2: version === 2 ? sha256(infoBytes) : undefined,
  };
  const { name, files, isSingleFile } = readNames(info, pieceLength, infoHashes, options, faults);
  const last = files.at(-1);
  const totalLength = last === undefined ? 0 : last.offset + last.length;
  const pieceHashes = readPieceHashes(info, totalLength, pieceLength);
  return {
    infoHashes,
    infoBytes,
    name,
    geometry: new PieceGeometry(totalLength, pieceLength),
    pieceHashes,
    files,
    isSingleFile,
    isPrivate: (info.int("private") ?? 0) !== 0,
    source: info.text("source"),
  };
}

function decodeInfo(bytes: Uint8Array, onFault: (code: string) => void): BencodeDict {
  try {
    return decodeDict(bytes, { maxTokens: MAX_TOKENS, onFault: ({ code }) => onFault(code) });
  } catch (cause) {
    throw bencodeError(cause);
  }
}

/** The codec's refusal as this package's; anything else as it is. */
export function bencodeError(cause: unknown): unknown {
  if (!(cause instanceof BencodeError)) return cause;
  if (cause.code === "ERR_BENCODE_NOT_A_DICTIONARY") {
    return new MetainfoError("ERR_METAINFO_NOT_A_DICTIONARY", cause.message, { cause });
  }
  return new MetainfoError("ERR_METAINFO_BENCODE", `not a torrent: ${cause.message}`, { cause });
}

/** 1 for v1 torrents, 2 for hybrid ones (BEP 52). */
function readVersion(info: BencodeDict, isCanonical: boolean): 1 | 2 {
  const version = info.int("meta version") ?? 1;
  if (version > 2 || (version !== 2 && info.dict("file tree") !== undefined)) {
    fail(
      "ERR_METAINFO_VERSION",
      `expected 'meta version' 1, or 2 with a file tree, got ${version}`,
    );
  }
  if (version !== 2) return 1;
  if (!isCanonical) {
    fail("ERR_METAINFO_BENCODE", "expected canonical bencode in a torrent of version 2");
  }
  const isHybrid = info.has("pieces") && (info.has("files") || info.has("length"));
  if (!isHybrid) {
    fail(
      "ERR_METAINFO_V2_ONLY",
      "torrents of version 2 alone are not supported: use a hybrid or version 1 torrent",
    );
  }
  return 2;
}

function readPieceLength(info: BencodeDict, version: 1 | 2): number {
  const length = info.int("piece length") ?? 0;
  const isPowerOfTwo = Number.isInteger(Math.log2(length));
  if (
    length < 1 ||
    length > MAX_PIECE_LENGTH ||
    (version === 2 && (length < 16_384 || !isPowerOfTwo))
  ) {
    const rule = version === 2 ? ", a power of two from 16384 on" : "";
    fail(
      "ERR_METAINFO_PIECE_LENGTH",
      `expected a piece length of 1 to ${MAX_PIECE_LENGTH} bytes${rule}, got ${length}`,
    );
  }
  return length;
}

function readNames(
  info: BencodeDict,
  pieceLength: number,
  infoHashes: InfoHashes,
  { platform = "posix" }: ParseOptions,
  faults: FaultList,
): { name: string; files: readonly TorrentFile[]; isSingleFile: boolean } {
  const rawName = info.bytes("name.utf-8") ?? info.bytes("name");
  if (rawName === undefined) fail("ERR_METAINFO_MISSING_NAME", "expected a name");
  let name = sanitizeName(rawName, platform);
  const hasName = name !== "" && !isDots(name);
  const list = info.list("files");
  let listed: FileList;
  if (list === undefined) {
    if (!hasName) fail("ERR_METAINFO_MISSING_NAME", "expected a name for the only file");
    listed = readSingleFile(info, name, rawName);
  } else {
    if (!hasName) {
      faults.add("the name can't be that of a folder: the info-hash is used");
      name = toHex(infoHashes.v1 ?? EMPTY);
    }
    listed = readFiles(list, name, platform, faults);
  }
  const isHybrid = infoHashes.v2 !== undefined;
  const files = isHybrid ? addRoots(listed, readTree(info), pieceLength) : listed.files;
  return { name, files, isSingleFile: list === undefined };
}

function readTree(info: BencodeDict): BencodeDict {
  const tree = info.dict("file tree");
  if (tree !== undefined) return tree;
  fail("ERR_METAINFO_VERSION", "expected a 'file tree' in a torrent of version 2");
}

function readPieceHashes(info: BencodeDict, totalLength: number, pieceLength: number): Uint8Array {
  if (totalLength === 0) fail("ERR_METAINFO_EMPTY", "expected at least one file that is not empty");
  const count = Math.ceil(totalLength / pieceLength);
  if (count > MAX_PIECES) {
    fail("ERR_METAINFO_TOO_MANY_PIECES", `expected at most ${MAX_PIECES} pieces, got ${count}`);
  }
  const pieces = info.bytes("pieces");
  if (pieces === undefined) fail("ERR_METAINFO_MISSING_PIECES", "expected 'pieces' to be a string");
  if (pieces.length % SHA1_LENGTH !== 0) {
    fail("ERR_METAINFO_PIECES_TORN", `expected a multiple of 20 bytes, got ${pieces.length}`);
  }
  if (pieces.length !== count * SHA1_LENGTH) {
    const got = pieces.length / SHA1_LENGTH;
    fail("ERR_METAINFO_PIECE_COUNT", `expected the hashes of ${count} pieces, got ${got}`);
  }
  return pieces;
}

const EMPTY = new Uint8Array(0);

function fail(code: MetainfoError["code"], message: string): never {
  throw new MetainfoError(code, message);
}
