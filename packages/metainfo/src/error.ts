// What can be wrong with a torrent or a magnet link.
import { ShoalError } from "@shoal/core";

/** All codes of {@link MetainfoError}. */
export type MetainfoErrorCode =
  /** More bytes than a torrent file may have. */
  | "ERR_METAINFO_TOO_LARGE"
  /** Not bencode; of a v2 or hybrid torrent, not canonical bencode. `cause` says where. */
  | "ERR_METAINFO_BENCODE"
  /** The root is no dictionary. */
  | "ERR_METAINFO_NOT_A_DICTIONARY"
  /** There is no `info` dictionary. */
  | "ERR_METAINFO_MISSING_INFO"
  /** There is no `name`, or nothing of it can name a file. */
  | "ERR_METAINFO_MISSING_NAME"
  /** `piece length` is missing or out of range; for v2 also if it is no power of two ≥ 16 KiB. */
  | "ERR_METAINFO_PIECE_LENGTH"
  /** There is no `pieces` string. */
  | "ERR_METAINFO_MISSING_PIECES"
  /** `pieces` is not a whole number of SHA-1 digests. */
  | "ERR_METAINFO_PIECES_TORN"
  /** `pieces` has more or fewer digests than the data has pieces. */
  | "ERR_METAINFO_PIECE_COUNT"
  /** More than 2,097,152 pieces. */
  | "ERR_METAINFO_TOO_MANY_PIECES"
  /** `files` is empty. */
  | "ERR_METAINFO_NO_FILES"
  /** A member of `files` is no dictionary. */
  | "ERR_METAINFO_INVALID_FILE"
  /** A file's length is missing, negative, or 2^48 or more. */
  | "ERR_METAINFO_FILE_LENGTH"
  /** All files together have 2^48 bytes or more. */
  | "ERR_METAINFO_TOTAL_LENGTH"
  /** All files are empty. */
  | "ERR_METAINFO_EMPTY"
  /** A file has no path. */
  | "ERR_METAINFO_MISSING_PATH"
  /** An element of a path is no string. */
  | "ERR_METAINFO_INVALID_PATH"
  /** A path has more than 100 elements. */
  | "ERR_METAINFO_PATH_TOO_DEEP"
  /** So many files have the same name that telling them apart would take too long. */
  | "ERR_METAINFO_DUPLICATE_NAMES"
  /** `meta version` is not 1 or 2, or a v2 file tree comes without it. */
  | "ERR_METAINFO_VERSION"
  /** A torrent of version 2 alone, which is not supported. */
  | "ERR_METAINFO_V2_ONLY"
  /** A hybrid torrent whose v1 and v2 parts list different files. */
  | "ERR_METAINFO_HYBRID_MISMATCH"
  /** Not a `magnet:?` link. */
  | "ERR_METAINFO_NOT_A_MAGNET"
  /** A magnet link's info-hash is malformed. */
  | "ERR_METAINFO_MAGNET_HASH"
  /** A magnet link without a BitTorrent info-hash. */
  | "ERR_METAINFO_MAGNET_NO_HASH"
  /** A file to build a torrent of has a path that can't be published. */
  | "ERR_METAINFO_BUILD_PATH";

/** Thrown by this package for bad torrents and magnet links. */
export class MetainfoError extends ShoalError {
  override readonly name: string = "MetainfoError";
  declare readonly code: MetainfoErrorCode;

  constructor(code: MetainfoErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
