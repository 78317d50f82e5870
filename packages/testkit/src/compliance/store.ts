// What every store of torrent data must do.
import assert from "node:assert/strict";
import type { StoreFactory, StoreFile, StoreLayout, TorrentStore } from "@shoal/disk-io";
import type { ComplianceCase } from "./case.ts";

/** A store to be tested; made anew, and empty, for each case. */
export interface StoreFixture {
  readonly factory: StoreFactory;
  /** Whether what was flushed is there again after `close` and another `open`. */
  readonly isDurable: boolean;
  readonly close?: () => Promise<void>;
}

/** The suite for stores. */
export function storeCompliance(
  make: () => StoreFixture | Promise<StoreFixture>,
): ComplianceCase[] {
  return Object.entries(REQUIREMENTS).map(([name, require]) => ({
    name,
    run: async () => {
      const fixture = await make();
      const store = await fixture.factory.open(LAYOUT);
      try {
        await require(store, fixture);
      } finally {
        await store.close();
        await fixture.close?.();
      }
    },
  }));
}

type Requirement = (store: TorrentStore, fixture: StoreFixture) => Promise<void>;

const PIECE = 1024;

/** Files that end within pieces, many in one piece, over many pieces; empty, deep and padding ones. */
const LAYOUT: StoreLayout = layout([
  file(["a"], 1500),
  file(["folder", "b"], 3),
  file(["folder", "empty"], 0),
  file(["folder", "deep", "c"], 7),
  { ...file([".pad", "562"], 562), pad: true },
  file(["folder", "deep", "d ü"], 5000),
  file(["last"], 1),
]);

const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  "is empty at first, and reads nothing it has not got": async (store) => {
    assert.equal(await store.isEmpty?.(), store.isEmpty && true);
    const into = new Uint8Array(PIECE).fill(9);
    const got = await store.read(0, 0, [into]);
    assert.ok(got >= 0 && got < PIECE, `read ${got} bytes out of nothing`);
  },

  "reads what was written, however both are cut": async (store) => {
    await writeAll(store, [700, 1, 323]);
    for (const sizes of [[1024], [1, 1023], [333, 333, 358]]) {
      for (let piece = 0; piece < pieces(); piece++) {
        const expected = content(piece);
        const into = cut(new Uint8Array(expected.length), sizes);
        assert.equal(await store.read(piece, 0, into), expected.length);
        assert.deepEqual(Buffer.concat(into), Buffer.from(expected));
      }
    }
    if (store.isEmpty) assert.equal(await store.isEmpty(), false);
  },

  "reads from any place in a piece": async (store) => {
    await writeAll(store, [1024]);
    for (let piece = 0; piece < pieces(); piece++) {
      const expected = content(piece);
      for (let begin = 0; begin < expected.length; begin += 97) {
        const into = new Uint8Array(Math.min(50, expected.length - begin));
        assert.equal(await store.read(piece, begin, [into]), into.length);
        assert.deepEqual(Buffer.from(into), Buffer.from(expected.subarray(begin, begin + 50)));
      }
    }
  },

  "takes pieces in any order and blocks one by one": async (store) => {
    for (let piece = pieces() - 1; piece >= 0; piece--) {
      const bytes = content(piece);
      for (const begin of [512, 0]) {
        if (begin < bytes.length)
          await store.write(piece, begin, [bytes.subarray(begin, begin + 512)]);
      }
    }
    await expectAll(store);
  },

  overwrites: async (store) => {
    for (let piece = 0; piece < pieces(); piece++) {
      // Padding is zeros whatever is written.
      await store.write(piece, 0, [new Uint8Array(content(piece).length).fill(1)]);
    }
    await writeAll(store, [1024]);
    await expectAll(store);
  },

  "reads padding as zeros": async (store) => {
    await writeAll(store, [1024]);
    const into = new Uint8Array(562).fill(9);
    // The padding lies at bytes 1510–2071: in two pieces.
    assert.equal(await store.read(1, 1510 - PIECE, [into.subarray(0, 538)]), 538);
    assert.equal(await store.read(2, 0, [into.subarray(538)]), 24);
    assert.ok(into.every((byte) => byte === 0));
  },

  "tells when the data ends early": async (store) => {
    await store.write(0, 0, [content(0)]);
    const into = new Uint8Array(PIECE);
    const got = await store.read(pieces() - 1, 0, [into.subarray(0, content(pieces() - 1).length)]);
    assert.ok(got < content(pieces() - 1).length, "read a piece that was never written");
  },

  "leaves the memory it is given alone": async (store) => {
    const bytes = Uint8Array.from(content(0));
    await store.write(0, 0, [bytes]);
    assert.deepEqual(bytes, content(0));
    bytes.fill(0xee);
    const into = new Uint8Array(PIECE);
    await store.read(0, 0, [into]);
    assert.deepEqual(into, content(0));
    into.fill(0xee);
    await store.read(0, 0, [into]);
    assert.deepEqual(into, content(0));
  },

  "takes and fills shared memory": async (store) => {
    const shared = new Uint8Array(new SharedArrayBuffer(2 * PIECE));
    shared.set(content(0));
    await store.write(0, 0, [shared.subarray(0, 300), shared.subarray(300, PIECE)]);
    await store.read(0, 0, [shared.subarray(PIECE)]);
    assert.deepEqual(Buffer.from(shared.subarray(PIECE)), Buffer.from(content(0)));
  },

  "works on several pieces at once": async (store) => {
    const all = Array.from({ length: pieces() }, (_, piece) => piece);
    await Promise.all(all.map(async (piece) => store.write(piece, 0, [content(piece)])));
    await Promise.all(all.map((piece) => expectPiece(store, piece)));
  },

  "finishes and flushes at any time, more than once": async (store) => {
    await store.flush();
    await store.finish?.();
    await writeAll(store, [1024]);
    for (let piece = 0; piece < pieces(); piece++) await store.commit?.(piece);
    for (let i = 0; i < 2; i++) {
      await store.finish?.();
      await store.flush();
    }
    await expectAll(store);
  },

  "has what was flushed when it is opened again": async (store, { factory, isDurable }) => {
    if (!isDurable) return;
    await writeAll(store, [1024]);
    await store.flush();
    await store.close();
    const again = await factory.open(LAYOUT);
    try {
      await expectAll(again);
    } finally {
      await again.close();
    }
  },

  "removes its data": async (store, { factory }) => {
    if (store.remove === undefined) return;
    await writeAll(store, [1024]);
    await store.finish?.();
    await store.remove();
    await store.close();
    const again = await factory.open(LAYOUT);
    try {
      assert.equal(await again.isEmpty?.(), again.isEmpty && true);
      assert.ok((await again.read(0, 0, [new Uint8Array(PIECE)])) < PIECE);
    } finally {
      await again.close();
    }
  },

  "rejects with Node's codes or works, but never hangs, after close": async (store) => {
    await store.close();
    try {
      await store.read(0, 0, [new Uint8Array(10)]);
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  },
};

async function writeAll(store: TorrentStore, sizes: readonly number[]): Promise<void> {
  for (let piece = 0; piece < pieces(); piece++) {
    await store.write(piece, 0, cut(content(piece), sizes));
  }
}

async function expectAll(store: TorrentStore): Promise<void> {
  for (let piece = 0; piece < pieces(); piece++) await expectPiece(store, piece);
}

async function expectPiece(store: TorrentStore, piece: number): Promise<void> {
  const expected = content(piece);
  const into = new Uint8Array(expected.length);
  assert.equal(await store.read(piece, 0, [into]), expected.length, `piece ${piece} is short`);
  assert.deepEqual(into, expected, `piece ${piece} differs`);
}

function pieces(): number {
  return Math.ceil(LAYOUT.totalLength / PIECE);
}

/** The right bytes of a piece: never zero, but for padding. */
function content(piece: number): Uint8Array {
  const start = piece * PIECE;
  const length = Math.min(PIECE, LAYOUT.totalLength - start);
  const bytes = Uint8Array.from({ length }, (_, i) => ((start + i) % 251) + 1);
  for (const { pad, offset, length: padding } of LAYOUT.files) {
    if (pad) bytes.fill(0, Math.max(offset - start, 0), Math.max(offset + padding - start, 0));
  }
  return bytes;
}

/** Views of the bytes with these sizes, the rest in one. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const views: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    if (at < bytes.length) views.push(bytes.subarray(at, at + size));
    at += size;
  }
  return views;
}

function file(path: string[], length: number): StoreFile {
  return { path, length, offset: 0, pad: false, executable: false, symlink: undefined };
}

function layout(files: readonly StoreFile[]): StoreLayout {
  let offset = 0;
  const placed = files.map((entry) => {
    const here = { ...entry, offset };
    offset += entry.length;
    return here;
  });
  return { id: "ab".repeat(20), pieceLength: PIECE, totalLength: offset, files: placed };
}
