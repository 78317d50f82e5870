// Where web servers keep the files of a torrent: their names as the torrent's maker wrote them.
import { BencodeDict, type BencodeValue, decodeDict } from "@shoal/bencode";
import { bencodeError, MAX_TOKENS } from "./info.ts";

/**
 * The path of every file as web seeds (BEP 19) are asked for it: the torrent's name and, unless that
 * is the only file, the elements below it, all as they stand in the info dictionary. Nothing is
 * sanitised: not fit for file systems.
 *
 * @param infoBytes An info dictionary that was parsed successfully.
 * @returns one path for each file, in the order of `Metainfo.files`.
 * @throws MetainfoError if it is no bencoded dictionary.
 */
export function webPaths(infoBytes: Uint8Array): Uint8Array[][] {
  const info = decodeInfo(infoBytes);
  const name = info.bytes("name.utf-8") ?? info.bytes("name") ?? new Uint8Array(0);
  const files = info.list("files");
  if (files === undefined) return [[name]];
  return files.map((file) => [name, ...(file instanceof BencodeDict ? readPath(file) : [])]);
}

function decodeInfo(bytes: Uint8Array): BencodeDict {
  try {
    // What is tolerated was told when it was parsed.
    return decodeDict(bytes, { maxTokens: MAX_TOKENS, onFault: () => {} });
  } catch (cause) {
    throw bencodeError(cause);
  }
}

function readPath(file: BencodeDict): Uint8Array[] {
  const path: readonly BencodeValue[] = file.list("path.utf-8") ?? file.list("path") ?? [];
  return path.filter((element) => element instanceof Uint8Array);
}
