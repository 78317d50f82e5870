import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fsStore, memoryStore, type StoreFactory, type TorrentStore } from "@shoal/disk-io";
import { describe, expect, it } from "vitest";
import { storeCompliance } from "./store.ts";

describe("memoryStore", () => {
  const cases = storeCompliance(() => ({ factory: memoryStore(), isDurable: false }));
  for (const { name, run } of cases) it(name, run);
});

describe("fsStore", () => {
  const cases = storeCompliance(() => {
    const path = mkdtempSync(join(tmpdir(), "shoal-"));
    const close = async (): Promise<void> => rmSync(path, { recursive: true });
    return { factory: fsStore({ path: join(path, "data") }), isDurable: true, close };
  });
  for (const { name, run } of cases) it(name, run);
});

it.each<[string, (store: TorrentStore) => Partial<TorrentStore>]>([
  ["mixes up pieces", (store) => ({ write: (piece, ...rest) => store.write(piece ^ 1, ...rest) })],
  [
    "writes the first part only",
    (store) => ({ write: (piece, begin, from) => store.write(piece, begin, from.slice(0, 1)) }),
  ],
  [
    "claims to have read everything",
    (store) => ({
      read: async (piece, begin, into) => {
        await store.read(piece, begin, into);
        return into.reduce((sum, { length }) => sum + length, 0);
      },
    }),
  ],
  [
    "writes into the memory that it is given",
    (store) => ({
      write: async (piece, begin, from) => {
        await store.write(piece, begin, from);
        from[0]?.fill(0);
      },
    }),
  ],
])("finds out a store that %s", async (_, change) => {
  const factory: StoreFactory = {
    open: async (layout) => {
      const store = await memoryStore().open(layout);
      const whole: TorrentStore = {
        read: (...args) => store.read(...args),
        write: (...args) => store.write(...args),
        flush: () => store.flush(),
        close: () => store.close(),
      };
      return { ...whole, ...change(whole) };
    },
  };
  const cases = storeCompliance(() => ({ factory, isDurable: false }));
  const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
  expect(outcomes.map(({ status }) => status)).toContain("rejected");
});
