// Tells apart files whose paths a file system may take for the same.
import { MetainfoError } from "./error.ts";
import { extensionStart, truncate } from "./path.ts";

/** Taken names that may be tried in vain, for all files together. */
const MAX_COLLISIONS = 500;
/** Bytes of a name, so that a number still fits. */
const MAX_NAME_BYTES = 240;

/**
 * Gives files a number if their path is, but for letter case, that of an earlier file or of a
 * folder: `a/b.txt`, `a/b.1.txt`. Changes last elements only.
 *
 * @param paths Sanitised paths of the files that will be created.
 * @returns the new paths of those that change, by their index.
 * @throws MetainfoError `ERR_METAINFO_DUPLICATE_NAMES`
 */
export function renameDuplicates(paths: readonly (readonly string[])[]): Map<number, string[]> {
  const keys = paths.map(keyOf);
  const tree = new PathTree(keys);
  const renamed = new Map<number, string[]>();
  if (!tree.hasConflicts) return renamed;

  const taken = new Set<string>();
  let collisions = 0;
  for (const [index, path] of paths.entries()) {
    const key = keys[index] ?? "";
    if (!taken.has(key) && !tree.hasFolder(key)) {
      taken.add(key);
      continue;
    }
    for (let number = 1; ; number++) {
      const candidate = numbered(path, number);
      const candidateKey = keyOf(candidate);
      if (!taken.has(candidateKey) && !tree.has(candidateKey)) {
        taken.add(candidateKey);
        renamed.set(index, candidate);
        break;
      }
      if (++collisions > MAX_COLLISIONS) {
        throw new MetainfoError(
          "ERR_METAINFO_DUPLICATE_NAMES",
          `expected distinct file names, got too many like '${path.join("/").slice(0, 200)}'`,
        );
      }
    }
  }
  return renamed;
}

/** Separates the elements of a key: sorts before every character that a name has. */
const SEPARATOR = "\0";

/** Sorted keys of paths: answers which files and folders there are. */
export class PathTree {
  /** Whether two keys are equal or one is a folder of another. */
  readonly hasConflicts: boolean;
  readonly #sorted: readonly string[];

  constructor(keys: readonly string[]) {
    // Everything in a folder follows directly behind a file of the folder's name.
    this.#sorted = [...keys].sort();
    this.hasConflicts = this.#sorted.some((key, i) => {
      const next = this.#sorted[i + 1];
      return next !== undefined && (next === key || next.startsWith(key + SEPARATOR));
    });
  }

  /** Whether there is a file or folder of that key. */
  has(key: string): boolean {
    return this.#sorted[this.#search(key)] === key || this.hasFolder(key);
  }

  /** Whether a file lies in a folder of that key. */
  hasFolder(key: string): boolean {
    const prefix = key + SEPARATOR;
    return this.#sorted[this.#search(prefix)]?.startsWith(prefix) ?? false;
  }

  /** The index of the first key that is not smaller. */
  #search(key: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The exact key of a path. */
export function joinPath(path: readonly string[]): string {
  return path.join(SEPARATOR);
}

/** The key of a path where letter case and the composition of letters make no difference. */
function keyOf(path: readonly string[]): string {
  return joinPath(path).normalize("NFC").toLowerCase();
}

function numbered(path: readonly string[], number: number): string[] {
  const name = path.at(-1) ?? "";
  const dot = extensionStart(name);
  const extension = `.${number}${name.slice(dot)}`;
  const base = truncate(name.slice(0, dot), MAX_NAME_BYTES - extension.length);
  return [...path.slice(0, -1), base + extension];
}
