// A disk that loses what was not flushed when the power fails: any part of it, down to single sectors.
import { createHash } from "node:crypto";
import type { Rng } from "@shoal/core";
import type { FileFact, StoreFactory, StoreLayout, TorrentStore } from "../src/contract.ts";

/** What a device writes as a whole or not at all, in bytes. */
const SECTOR = 512;

interface Write {
  readonly at: number;
  readonly bytes: Buffer;
}

/** One torrent's bytes, as programs see them and as they would be after a crash. */
export class FragileDisk {
  readonly layout: StoreLayout;
  /** What a program reads. */
  readonly seen: Buffer;
  /** What is certain to survive. */
  readonly safe: Buffer;
  /** For each file, how often it was written: as programs see it, and what is certain to survive. */
  readonly seenTimes: number[];
  readonly safeTimes: number[];
  readonly #unflushed: Write[] = [];

  constructor(layout: StoreLayout, bytes: Buffer, times: readonly number[]) {
    this.layout = layout;
    this.seen = Buffer.from(bytes);
    this.safe = Buffer.from(bytes);
    this.seenTimes = [...times];
    this.safeTimes = [...times];
  }

  static empty(layout: StoreLayout): FragileDisk {
    return new FragileDisk(
      layout,
      Buffer.alloc(layout.totalLength),
      layout.files.map(() => 0),
    );
  }

  /** @param flushing What a flush waits for before it is done. */
  store(flushing: () => Promise<void>): StoreFactory {
    const store: TorrentStore = {
      read: (piece, begin, into) => {
        let at = piece * this.layout.pieceLength + begin;
        const start = at;
        for (const view of into) at += this.seen.copy(view, 0, at, at + view.length);
        return at - start;
      },
      write: (piece, begin, from) => {
        let at = piece * this.layout.pieceLength + begin;
        for (const view of from) {
          this.#write(at, Buffer.from(view));
          at += view.length;
        }
      },
      flush: async () => {
        const count = this.#unflushed.length;
        await flushing();
        if (this.#unflushed.length !== count) throw new Error("written to while flushing");
        this.#unflushed.length = 0;
        this.seen.copy(this.safe);
        for (const [file, time] of this.seenTimes.entries()) this.safeTimes[file] = time;
      },
      close: () => {},
      fileFacts: () => this.facts(),
    };
    return { open: () => store };
  }

  facts(): FileFact[] {
    return this.layout.files.map(({ length }, i) => ({
      size: length,
      mtimeMs: this.seenTimes[i] ?? 0,
    }));
  }

  /** The disk after a crash now: any sectors of writes since the last flush are lost. */
  crash(rng: Rng): FragileDisk {
    const after = Buffer.from(this.safe);
    const times = [...this.safeTimes];
    for (const { at, bytes } of this.#unflushed) {
      const fate = rng();
      for (let i = 0; i < bytes.length; i += SECTOR) {
        if (fate > 2 / 3 || (fate > 1 / 3 && rng() < 0.5)) bytes.copy(after, at + i, i, i + SECTOR);
      }
      // The time of a file is written with or after its data.
      for (const file of this.#filesIn(at, bytes.length)) {
        if (fate > 1 / 3 || rng() < 0.5) times[file] = this.seenTimes[file] ?? 0;
      }
    }
    return new FragileDisk(this.layout, after, times);
  }

  /** Whether a program that reads the piece finds it right. */
  holds(piece: number, pieceHashes: Uint8Array): boolean {
    const { seen, layout } = this;
    const from = piece * layout.pieceLength;
    const digest = createHash("sha1")
      .update(seen.subarray(from, from + layout.pieceLength))
      .digest();
    return digest.equals(pieceHashes.subarray(piece * 20, piece * 20 + 20));
  }

  #write(at: number, bytes: Buffer): void {
    bytes.copy(this.seen, at);
    this.#unflushed.push({ at, bytes });
    for (const file of this.#filesIn(at, bytes.length)) {
      this.seenTimes[file] = (this.seenTimes[file] ?? 0) + 1;
    }
  }

  *#filesIn(at: number, length: number): Generator<number> {
    for (const [i, file] of this.layout.files.entries()) {
      if (file.offset < at + length && at < file.offset + file.length) yield i;
    }
  }
}
