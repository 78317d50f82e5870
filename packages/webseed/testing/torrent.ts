// Torrents for tests, with their bytes.
import { type BencodeInput, encode } from "@shoal/bencode";
import { type Metainfo, parseInfo } from "@shoal/metainfo";

/** A file of a test torrent. */
export interface TestFile {
  readonly path: readonly (string | Uint8Array)[];
  readonly length: number;
  readonly pad?: boolean;
}

/** A torrent and what is in it: pseudo-random bytes, zeros in pad files. */
export interface TestTorrent {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
}

/** @param files The files in the folder `name`; a length for a single file of that name. */
export function testTorrent(
  files: number | readonly TestFile[],
  { name = "some name", pieceLength = 65_536 }: { name?: string; pieceLength?: number } = {},
): TestTorrent {
  const listed = typeof files === "number" ? [{ path: [name], length: files }] : files;
  const length = listed.reduce((sum, file) => sum + file.length, 0);
  const pieces = new Uint8Array(20 * Math.ceil(length / pieceLength));
  const content: Record<string, BencodeInput> =
    typeof files === "number" ? { length: files } : { files: files.map(entry) };
  const info = encode({ ...content, name, "piece length": pieceLength, pieces });
  const metainfo = parseInfo(info, { sha1: () => new Uint8Array(20).fill(0x9c) });
  const bytes = new Uint8Array(length);
  for (let i = 0, x = length; i < length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = x >>> 24;
  }
  for (const { pad, offset, length: size } of metainfo.files) {
    if (pad) bytes.fill(0, offset, offset + size);
  }
  return { metainfo, bytes };
}

function entry({ path, length, pad }: TestFile): BencodeInput {
  return { length, path, ...(pad ? { attr: "p" } : {}) };
}
