// Files anywhere, read as one stream of bytes: what a torrent is made from. Read only.
import { fstatSync } from "node:fs";
import type { StoreLayout, TorrentStore } from "./contract.ts";
import { FilePlan } from "./file-plan.ts";
import { Handles } from "./handle-pool.ts";
import { Cursor, lengthOf, readAt, zeros } from "./vectored.ts";

/** What disk threads call. `options.paths` has a path for each file of the layout that is no padding. */
export function openStore(
  layout: StoreLayout,
  options: { paths: readonly (string | undefined)[] },
): TorrentStore {
  return new LooseFiles(layout, options.paths);
}

class LooseFiles implements TorrentStore {
  readonly #plan: FilePlan;
  readonly #paths: readonly (string | undefined)[];
  readonly #handles = new Handles();

  constructor(layout: StoreLayout, paths: readonly (string | undefined)[]) {
    this.#plan = new FilePlan(layout);
    this.#paths = paths;
  }

  read(piece: number, begin: number, into: readonly Uint8Array[]): number {
    const cursor = new Cursor(into);
    const total = lengthOf(into);
    this.#plan.visit(piece, begin, total, (index, position, length) => {
      const path = this.#paths[index];
      if (path === undefined) {
        zeros(cursor, length);
        return true;
      }
      const fd = this.#handles.get(index, path, undefined);
      const expected = this.#plan.files[index]?.length ?? 0;
      const isWhole = fstatSync(fd).size === expected;
      if (!isWhole || readAt(fd, position, length, cursor) < length) throw changed(path, expected);
      return true;
    });
    return total;
  }

  write(): void {
    throw Object.assign(new Error("these files are only read"), { code: "EROFS" });
  }

  flush(): void {}

  close(): void {
    this.#handles.close();
  }
}

/** The error for a file that has not the length that it had when it was listed. */
export function changed(path: string, expected: number): Error {
  const message = `expected ${expected} bytes, the file has another length now`;
  return Object.assign(new Error(message), { code: "ERR_DISK_CHANGED", path });
}
