import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fixture, notes, specOf } from "../testing/torrent.ts";
import { ask } from "./ask.ts";
import { CheckThreads } from "./check-threads.ts";
import { fsStore } from "./fs-store.ts";
import { memoryStore } from "./memory-store.ts";

it("shares its threads among checks and ends them with the last", async () => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-check-"));
  const data = fixture(16_384, [100_000]);
  writeFileSync(join(folder, "file0"), data.bytes);
  const spec = specOf(data, fsStore({ path: folder }), notes());
  const threads = new CheckThreads(2);
  const first = threads.borrow(1, spec);
  const second = threads.borrow(2, spec);
  expect(await Promise.all(first.executors)).toEqual(await Promise.all(second.executors));
  expect(threads.threads.length).toBe(2);
  await first.giveBack();
  for (const executor of await Promise.all(second.executors)) {
    const job = { kind: "check", torrent: 2, pieces: [0, 6] } as const;
    expect(await ask(executor, job)).toEqual(new Uint8Array([1, 1]));
  }
  await second.giveBack();
  expect(threads.threads.length).toBe(0);
  expect(threads.counters.hashedBytes).toBe(2 * (16_384 + (100_000 % 16_384)));
  expect(threads.borrow(3, specOf(data, memoryStore(), notes())).executors).toEqual([]);
  rmSync(folder, { recursive: true });
});

it("holds few files open in each: there are as many threads as cores", async () => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-check-"));
  const data = fixture(
    65_536,
    Array.from({ length: 64 }, () => 1024),
  );
  for (const [i, { offset }] of data.layout.files.entries()) {
    writeFileSync(join(folder, `file${i}`), data.bytes.subarray(offset, offset + 1024));
  }
  const threads = new CheckThreads(1);
  const loan = threads.borrow(1, specOf(data, fsStore({ path: folder }), notes()));
  const [executor] = await Promise.all(loan.executors);
  if (executor === undefined) throw new Error("no thread");
  const job = { kind: "check", torrent: 1, pieces: [0] } as const;
  expect(await ask(executor, job)).toEqual(new Uint8Array([1]));
  expect(executor.openHandles).toBe(4);
  await loan.giveBack();
  rmSync(folder, { recursive: true });
});

it("ends its threads after a store that can't be opened", async () => {
  const data = fixture(16_384, [100_000]);
  const store = { open: () => memoryStore().open(data.layout), thread: NO_MODULE };
  const threads = new CheckThreads(2);
  const loan = threads.borrow(1, specOf(data, store, notes()));
  const failures = loan.executors.map((executor) =>
    expect(executor).rejects.toThrow("opening the store"),
  );
  await Promise.all(failures);
  await loan.giveBack();
  expect(threads.threads.length).toBe(0);
});

const NO_MODULE = { module: "data:text/javascript,", options: undefined };
