// Torrents' data in memory: for tests, simulations and torrents that are only passed on.
import type { StoreFactory, StoreLayout, TorrentStore } from "./contract.ts";

/** Keeps data in memory, piece by piece as it is written, until it is removed or the factory is gone. */
export function memoryStore(): StoreFactory {
  const torrents = new Map<string, Map<number, Uint8Array>>();
  return {
    open: (layout) => {
      const pieces = torrents.get(layout.id) ?? new Map<number, Uint8Array>();
      torrents.set(layout.id, pieces);
      return new MemoryStore(layout, pieces);
    },
  };
}

class MemoryStore implements TorrentStore {
  readonly #layout: StoreLayout;
  readonly #pieces: Map<number, Uint8Array>;

  constructor(layout: StoreLayout, pieces: Map<number, Uint8Array>) {
    this.#layout = layout;
    this.#pieces = pieces;
  }

  read(piece: number, begin: number, into: readonly Uint8Array[]): number {
    const bytes = this.#pieces.get(piece);
    if (bytes === undefined) return 0;
    let at = begin;
    for (const view of into) {
      const part = bytes.subarray(at, at + view.length);
      view.set(part);
      at += part.length;
    }
    return at - begin;
  }

  write(piece: number, begin: number, from: readonly Uint8Array[]): void {
    let bytes = this.#pieces.get(piece);
    if (bytes === undefined) {
      const { pieceLength, totalLength } = this.#layout;
      bytes = new Uint8Array(Math.min(pieceLength, totalLength - piece * pieceLength));
      this.#pieces.set(piece, bytes);
    }
    let at = begin;
    for (const part of from) {
      bytes.set(part, at);
      at += part.length;
    }
  }

  flush(): void {}

  close(): void {}

  isEmpty(): boolean {
    return this.#pieces.size === 0;
  }

  remove(): void {
    this.#pieces.clear();
  }
}
