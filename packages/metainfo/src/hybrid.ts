// Compares the two file lists of a hybrid torrent (BEP 52).
import { BencodeDict } from "@shoal/bencode";
import { equalBytes } from "@shoal/core";
import { MetainfoError } from "./error.ts";
import type { FileList } from "./files.ts";
import type { TorrentFile } from "./metainfo.ts";

/** A file of the v2 tree. */
interface Leaf {
  readonly path: readonly Uint8Array[];
  readonly length: number;
  readonly piecesRoot: Uint8Array | undefined;
}

/**
 * Adds the roots of the files' merkle trees, after making sure that both parts have the same files
 * at the same places: else clients of v1 and v2 would get different data under one name. Empty
 * files have no data, so they may differ.
 *
 * @throws MetainfoError `ERR_METAINFO_HYBRID_MISMATCH`
 */
export function addRoots(
  { files, rawPaths }: FileList,
  tree: BencodeDict,
  pieceLength: number,
): TorrentFile[] {
  const leaves = readLeaves(tree).filter(({ length }) => length > 0);
  let next = 0;
  const matched = files.map((file, index) => {
    if (file.pad || file.length === 0) return file;
    const leaf = leaves[next++];
    const rawPath = rawPaths[index] ?? [];
    if (leaf === undefined || leaf.length !== file.length || !samePath(leaf.path, rawPath)) {
      mismatch(`file ${index} of the v1 part is not that of the v2 part`);
    }
    if (file.offset % pieceLength !== 0) mismatch(`file ${index} does not begin with a piece`);
    return { ...file, piecesRoot: leaf.piecesRoot };
  });
  if (next !== leaves.length) mismatch("the v2 part has more files than the v1 part");
  return matched;
}

/** All files of a tree in its order. A dictionary whose first key is empty is a file. */
function readLeaves(tree: BencodeDict): Leaf[] {
  const leaves: Leaf[] = [];
  const open = [{ members: tree.byteEntries(), path: [] as Uint8Array[] }];
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    const { done, value } = folder.members.next();
    if (done === true) {
      open.pop();
      continue;
    }
    const [name, node] = value;
    const path = [...folder.path, name];
    if (!(node instanceof BencodeDict) || name.length === 0) mismatch("the file tree is malformed");
    const file = node.dict("");
    if (file === undefined) open.push({ members: node.byteEntries(), path });
    else leaves.push(readLeaf(file, path));
  }
  return leaves;
}

function readLeaf(file: BencodeDict, path: readonly Uint8Array[]): Leaf {
  const isLink = file.text("attr")?.includes("l") ?? false;
  const length = isLink ? 0 : file.int("length");
  const piecesRoot = file.bytes("pieces root");
  if (length === undefined || (length > 0 && piecesRoot?.length !== 32)) {
    mismatch("a file of the tree has no length or no root");
  }
  return { path, length, piecesRoot: length > 0 ? piecesRoot : undefined };
}

function samePath(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((element, i) => equalBytes(element, b[i] ?? EMPTY));
}

const EMPTY = new Uint8Array(0);

function mismatch(why: string): never {
  throw new MetainfoError(
    "ERR_METAINFO_HYBRID_MISMATCH",
    `expected the same files in the v1 and v2 parts of a hybrid torrent: ${why}`,
  );
}
