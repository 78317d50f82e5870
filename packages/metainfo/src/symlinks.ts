// Keeps symbolic links inside the torrent.
import { joinPath, PathTree } from "./duplicates.ts";

/** Links that may be followed to resolve one. */
const MAX_HOPS = 8;

/** What matters of a file here. */
interface Linkable {
  readonly path: readonly string[];
  readonly symlink: readonly string[] | undefined;
}

/**
 * Finds the links that lead, perhaps by way of other links, to no file or folder of the torrent.
 * As no path has `..`, those that do lead to one never leave the torrent's folder.
 *
 * @returns indices of the links to be dropped.
 */
export function findBrokenLinks(files: readonly Linkable[]): Set<number> {
  const broken = new Set<number>();
  const links = new Map<string, readonly string[]>();
  for (const { path, symlink } of files) if (symlink) links.set(joinPath(path), symlink);
  if (links.size === 0) return broken;

  const tree = new PathTree(files.map(({ path }) => joinPath(path)));
  for (const [index, { symlink }] of files.entries()) {
    if (symlink !== undefined && !leadsInside(symlink, links, tree)) broken.add(index);
  }
  return broken;
}

function leadsInside(
  target: readonly string[],
  links: ReadonlyMap<string, readonly string[]>,
  tree: PathTree,
): boolean {
  let path = target;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const next = followFirst(path, links);
    if (next === undefined) return tree.has(joinPath(path));
    path = next;
  }
  return false;
}

/** The path with its first link replaced by that link's target; `undefined` if it has none. */
function followFirst(
  path: readonly string[],
  links: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  let key = "";
  for (const [i, element] of path.entries()) {
    key = i === 0 ? element : joinPath([key, element]);
    const target = links.get(key);
    if (target !== undefined) return [...target, ...path.slice(i + 1)].slice(0, MAX_ELEMENTS);
  }
  return undefined;
}

/** More elements than any path of a torrent has: a longer one names nothing. */
const MAX_ELEMENTS = 200;
