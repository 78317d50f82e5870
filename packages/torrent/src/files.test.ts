import { pieceIndex } from "@shoal/core";
import { PiecePicker } from "@shoal/picker";
import { describe, expect, it } from "vitest";
import { sample } from "../testing/world.ts";
import { type FilePriority, FileSet } from "./files.ts";
import type { Reader } from "./reader.ts";

/** Pieces of 32 KiB: file 0 ends in piece 1, file 1 is empty, file 2 in 1–4, file 3 in 4–5. */
const { metainfo } = sample([50_000, 0, 100_000, 30_001]);
const { geometry } = metainfo;

function make(): { set: FileSet; picker: PiecePicker } {
  const picker = new PiecePicker({ geometry, rng: () => 0 });
  const set = new FileSet(metainfo.files, geometry, picker, {} as { reader: Reader });
  set.setPriorities(new Map());
  return { set, picker };
}

function prioritiesOf(picker: PiecePicker): number[] {
  return Array.from({ length: geometry.pieceCount }, (_, i) => picker.priority(pieceIndex(i)));
}

describe("FileSet", () => {
  it("shows files as users know them", () => {
    const { set } = make();
    expect(set.handles.map(({ path, length, priority }) => [path, length, priority])).toEqual([
      ["sample/0", 50_000, 4],
      ["sample/1", 0, 4],
      ["sample/2", 100_000, 4],
      ["sample/3", 30_001, 4],
    ]);
  });

  it("gives a piece the highest priority of its files", () => {
    const { set, picker } = make();
    expect(prioritiesOf(picker)).toEqual([4, 4, 4, 4, 4, 4]);
    set.setPriorities(
      new Map<number, FilePriority>([
        [0, 7],
        [2, 1],
        [3, 0],
      ]),
    );
    expect(prioritiesOf(picker)).toEqual([7, 7, 1, 1, 1, 0]);
    set.setPriorities(new Map([[0, 0]]));
    expect(prioritiesOf(picker)).toEqual([0, 1, 1, 1, 1, 0]);
    expect(set.handles.map(({ priority }) => priority)).toEqual([0, 4, 1, 0]);
  });

  it("counts what is wanted and what of it is stored", () => {
    const { set, picker } = make();
    expect([set.wantedBytes, set.storedBytes]).toEqual([180_001, 0]);
    for (const piece of [0, 1, 5].map(pieceIndex)) {
      picker.stored(piece);
      set.pieceStored(piece);
    }
    expect(set.storedBytes).toBe(2 * 32_768 + 16_161);
    expect(set.handles.map(({ downloaded }) => downloaded)).toEqual([50_000, 0, 15_536, 16_161]);
    set.setPriorities(new Map([[3, 0]]));
    expect([set.wantedBytes, set.storedBytes]).toEqual([5 * 32_768, 2 * 32_768]);
    picker.lost(pieceIndex(0));
    set.recount();
    expect(set.storedBytes).toBe(32_768);
  });

  it("does not count a piece that was stored though nobody wants it any more", () => {
    const { set, picker } = make();
    set.setPriorities(new Map([[0, 0]]));
    picker.stored(pieceIndex(0));
    set.pieceStored(pieceIndex(0));
    expect(set.storedBytes).toBe(0);
  });

  it.each([
    [4, 4, "ERR_TORRENT_FILE"],
    [-1, 4, "ERR_TORRENT_FILE"],
    [0.5, 4, "ERR_TORRENT_FILE"],
    [0, 8, "ERR_TORRENT_PRIORITY"],
    [0, -1, "ERR_TORRENT_PRIORITY"],
    [0, 1.5, "ERR_TORRENT_PRIORITY"],
    [0, Number.NaN, "ERR_TORRENT_PRIORITY"],
  ])("refuses priority %2$s for file %1$s and changes nothing", (index, priority, code) => {
    const { set, picker } = make();
    const changes = new Map([
      [2, 1],
      [index, priority],
    ]) as Map<number, FilePriority>;
    expect(() => set.setPriorities(changes)).toThrow(expect.objectContaining({ code }));
    expect(prioritiesOf(picker)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(set.handles[2]?.priority).toBe(4);
  });
});
