import { expect, it } from "vitest";
import { BlockList } from "./block-list.ts";

it("keeps blocks in order, grows, and is used again", () => {
  const list = new BlockList();
  for (let round = 0; round < 2; round++) {
    list.clear();
    expect(list.length).toBe(0);
    for (let i = 0; i < 1000; i++) list.push(i * 3, i);
    expect(list.length).toBe(1000);
    for (let i = 0; i < 1000; i++) expect([list.piece(i), list.block(i)]).toEqual([i * 3, i]);
  }
});
