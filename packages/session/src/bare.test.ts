// The session composed of fakes: that its parts are released whatever fails.
import { Deadlines, type PeerSource, type Transport } from "@shoal/core";
import { createDiskIo, memoryStore } from "@shoal/disk-io";
import { expect, it } from "vitest";
import type { SessionInit } from "./init.ts";
import { Session } from "./session.ts";

it("closes what it had opened when an address can't be bound", async () => {
  const log: string[] = [];
  const opening = Session.open(parts(log, { listen: [1, 2, 3] }));
  await expect(opening).rejects.toThrow("no port 3");
  expect(log).toEqual(["listen 1", "listen 2", "close 1", "close 2", "close source", "release"]);
});

it("releases the rest when the end of one part fails, and says what failed", async () => {
  const log: string[] = [];
  const init = parts(log, { listen: [1, 2], stuck: 1 });
  const session = await Session.open(init);
  await expect(session.close()).rejects.toThrow("stuck");
  expect(log).toEqual(["listen 1", "listen 2", "close 2", "close source", "release"]);
  await expect(init.disk.open({} as never)).rejects.toMatchObject({ code: "ERR_DISK_CLOSED" });
});

it("listens by every transport on the same port", async () => {
  const log: string[] = [];
  const init = parts(log, { listen: [0] });
  const session = await Session.open({
    ...init,
    transports: [...init.transports, ...init.transports],
  });
  expect(session.port).toBe(7);
  expect(log).toEqual(["listen 7", "listen 7"]);
  await session.close();
});

/** Ports above 2 can't be bound; the listener of port `stuck` can't be closed. */
function parts(
  log: string[],
  { listen, stuck }: { listen: number[]; stuck?: number },
): SessionInit {
  const transport: Transport = {
    kind: "fake",
    dial: () => Promise.reject(new Error("nobody is there")),
    listen: async ({ address, port: wanted }) => {
      if (wanted > 2 && wanted !== 7) throw new Error(`no port ${wanted}`);
      const port = wanted || 7;
      log.push(`listen ${port}`);
      return {
        local: { address, port },
        close: async () => {
          if (port === stuck) throw new Error("stuck");
          log.push(`close ${port}`);
        },
      };
    },
  };
  const source: PeerSource = {
    name: "fake",
    open: () => ({ completed: () => {}, refresh: () => {}, close: () => Promise.resolve() }),
    close: async () => void log.push("close source"),
  };
  return {
    runtime: {
      clock: { now: () => 0 },
      deadlines: new Deadlines(),
      rng: () => 0,
      entropy: (bytes) => new Uint8Array(bytes),
      sha1: () => new Uint8Array(20),
      defer: (task) => void setImmediate(task),
    },
    disk: createDiskIo({ cacheSize: 0, threads: 0 }),
    transports: [transport],
    listen: listen.map((port) => ({ address: "::", port })),
    store: () => memoryStore(),
    services: [() => source],
    release: async () => void log.push("release"),
  };
}
