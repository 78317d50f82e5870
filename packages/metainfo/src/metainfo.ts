// What a torrent says, as plain data.
import type { PieceGeometry } from "@shoal/core";

/** What identifies a torrent: SHA-1 of its info dictionary (v1), SHA-256 of it (v2, BEP 52). */
export interface InfoHashes {
  /** 20 bytes; absent of torrents that are v2 only. */
  readonly v1: Uint8Array | undefined;
  /** 32 bytes; absent of torrents that are v1 only. */
  readonly v2: Uint8Array | undefined;
}

/** One file of a torrent, pad files and symbolic links included. */
export interface TorrentFile {
  /**
   * Sanitised and unique: begins with the torrent's name, is only that for a single-file torrent.
   * No element is empty, `.` or `..`, or has a separator. (A pad file is never stored; its path may
   * be that of another.)
   */
  readonly path: readonly string[];
  /** Bytes; 0 for symbolic links. */
  readonly length: number;
  /** Where the file begins in the torrent's bytes. */
  readonly offset: number;
  /** BEP 47: only zeros that align the next file to a piece; not to be stored. */
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /**
   * The target of a symbolic link (BEP 47) in the form of `path`: a file or folder of this torrent,
   * perhaps by way of other links. Links that point elsewhere or in circles are plain empty files.
   */
  readonly symlink: readonly string[] | undefined;
  /** Root of the file's merkle tree, 32 bytes, in hybrid torrents (BEP 52); absent if empty. */
  readonly piecesRoot: Uint8Array | undefined;
}

/** A host name or IP address with a port. */
export interface HostPort {
  readonly host: string;
  /** 1–65535. */
  readonly port: number;
}

/** A torrent. Texts are as their makers wrote them: escape them before showing them. */
export interface Metainfo {
  readonly infoHashes: InfoHashes;
  /** The info dictionary as it stood: what is hashed, and sent to peers that have only a magnet. */
  readonly infoBytes: Uint8Array;
  /** The sanitised name of the file or of the folder. */
  readonly name: string;
  readonly geometry: PieceGeometry;
  /** SHA-1 digests of the pieces, 20 bytes each: a view of `infoBytes`. */
  readonly pieceHashes: Uint8Array;
  /** In the torrent's order: offsets ascend without gaps. */
  readonly files: readonly TorrentFile[];
  /** Whether there is one file and no folder. */
  readonly isSingleFile: boolean;
  /** BEP 27: peers may only come from the trackers. */
  readonly isPrivate: boolean;
  /** The site that made it; part of the info dictionary so that the info-hash differs. */
  readonly source?: string | undefined;
  /** Tiers of tracker URLs (BEP 12): http, https, udp, ws or wss. */
  readonly trackers: readonly (readonly string[])[];
  /** URLs of BEP 19 web seeds (`url-list`), http or https. */
  readonly webSeeds: readonly string[];
  /** URLs of BEP 17 web seeds (`httpseeds`), http or https. */
  readonly httpSeeds: readonly string[];
  /** DHT nodes to begin with (BEP 5). */
  readonly nodes: readonly HostPort[];
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate?: number | undefined;
  /** What the maker calls the encoding of its texts. They are read as UTF-8 nevertheless. */
  readonly encoding?: string | undefined;
  /** What is wrong but was tolerated, in words, each once; at most 100. */
  readonly faults: readonly string[];
}

/** The digest of some bytes. */
export type HashFunction = (bytes: Uint8Array) => Uint8Array;

/** File systems with different rules for names. */
export type PathPlatform = "posix" | "windows";

/** What parsing needs from outside. */
export interface ParseOptions {
  /** SHA-1; by default one in JavaScript. */
  readonly sha1?: HashFunction;
  /** SHA-256, used for hybrid torrents; by default one in JavaScript. */
  readonly sha256?: HashFunction;
  /** Whose rules the names of files must meet. Default `posix`. */
  readonly platform?: PathPlatform;
}
