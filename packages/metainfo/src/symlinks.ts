// Keeps symbolic links inside the torrent.
import { joinPath, PathTree } from "./duplicates.ts";

/** Links that may be followed to resolve one. */
const MAX_HOPS = 8;

type Path = readonly string[];

/** What matters of a file here. */
interface Linkable {
  readonly path: Path;
  readonly symlink: Path | undefined;
}

/**
 * Finds the file or folder of the torrent that each link names. BEP 47 has targets relative to the
 * torrent's folder; some makers write them relative to the link's own. A target may lead over other
 * links. As no path has `..`, one that leads to something in the torrent never leaves its folder.
 *
 * @returns for each file its target, or `undefined` if it is no link or leads to nothing here.
 */
export function resolveLinks(files: readonly Linkable[]): (Path | undefined)[] {
  if (files.every(({ symlink }) => symlink === undefined)) return files.map(() => undefined);
  const tree = new PathTree(files.map(({ path }) => joinPath(path)));
  const links = new Map<string, Path>();
  for (const { path, symlink } of files) {
    if (symlink === undefined) continue;
    const beside = besideLink(path, symlink);
    const isBeside = !tree.has(joinPath(symlink)) && tree.has(joinPath(beside));
    links.set(joinPath(path), isBeside ? beside : symlink);
  }
  return files.map(({ path, symlink }) => {
    if (symlink === undefined) return undefined;
    const targets = [links.get(joinPath(path)) ?? symlink, besideLink(path, symlink)];
    return targets.find((target) => leadsInside(target, links, tree));
  });
}

/** The target, which begins with the torrent's name, read as relative to the link's folder. */
function besideLink(path: Path, target: Path): Path {
  return [...path.slice(0, -1), ...target.slice(1)].slice(0, MAX_ELEMENTS);
}

function leadsInside(target: Path, links: ReadonlyMap<string, Path>, tree: PathTree): boolean {
  let path = target;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const next = followFirst(path, links);
    if (next === undefined) return tree.has(joinPath(path));
    path = next;
  }
  return false;
}

/** The path with its first link replaced by that link's target; `undefined` if it has none. */
function followFirst(path: Path, links: ReadonlyMap<string, Path>): Path | undefined {
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
