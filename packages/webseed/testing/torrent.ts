// Torrents for tests, with their bytes.
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
  const content = typeof files === "number" ? ["length", files] : ["files", files.map(entry)];
  const info = bencode(
    new Map([content, ["name", name], ["piece length", pieceLength], ["pieces", pieces]] as [
      string,
      Value,
    ][]),
  );
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

type Value = number | string | Uint8Array | readonly Value[] | ReadonlyMap<string, Value>;

function entry({ path, length, pad }: TestFile): Value {
  const members: [string, Value][] = [
    ["length", length],
    ["path", path],
  ];
  return new Map(pad ? [["attr", "p"], ...members] : members);
}

/** Keys must come in order. */
function bencode(value: Value): Uint8Array {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  const isMap = value instanceof Map;
  const parts: Uint8Array[] = [];
  for (const part of value as Iterable<Value>) {
    if (isMap) for (const half of part as [string, Value]) parts.push(bencode(half));
    else parts.push(bencode(part));
  }
  return Buffer.concat([Buffer.from(isMap ? "d" : "l"), ...parts, Buffer.from("e")]);
}
