import type { PeerSource } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { at, FakeSource } from "../testing/world.ts";
import { Sources, type SourcesHost } from "./sources.ts";

const FACTS: Omit<SourcesHost, "found" | "warn"> = {
  infoHash: new Uint8Array(20),
  peerId: new Uint8Array(20),
  isPrivate: false,
  trackers: [],
  transfer: () => ({ uploaded: 0, downloaded: 0, left: 0 }),
};

function make(sources: readonly PeerSource[]): { feeds: Sources; log: string[] } {
  const log: string[] = [];
  const feeds = new Sources(sources, {
    ...FACTS,
    found: (peers, origin) => log.push(`${peers.length} of ${origin}`),
    warn: (error) => log.push(error.message),
  });
  return { feeds, log };
}

describe("Sources", () => {
  it("opens each once, passes everything on, and opens anew after close", async () => {
    const source = new FakeSource("tracker");
    const { feeds } = make([source]);
    feeds.completed();
    feeds.open();
    feeds.open();
    feeds.completed();
    feeds.refresh();
    await feeds.close(AbortSignal.abort());
    feeds.refresh();
    feeds.open();
    expect(source.log).toEqual(["open", "completed", "refresh", "close", "open"]);
  });

  it("says where peers come from; what policies don't know counts as named by hand", () => {
    const sources = ["tracker", "dht", "lsd", "pex", "friends"].map((name) => new FakeSource(name));
    const { feeds, log } = make(sources);
    feeds.open();
    for (const { swarm } of sources) swarm?.found([at(1), at(2)]);
    expect(log).toEqual(["2 of tracker", "2 of dht", "2 of lsd", "2 of pex", "2 of manual"]);
  });

  it("warns of sources that fail, and goes on with the others", async () => {
    const good = new FakeSource("dht");
    const bad: PeerSource = {
      name: "bad",
      open: () => {
        throw new Error("can't open");
      },
      close: async () => {},
    };
    const rude: PeerSource = {
      name: "rude",
      open: () => ({
        completed: () => {},
        refresh: () => {},
        close: () => {
          throw new Error("can't close");
        },
      }),
      close: async () => {},
    };
    const { feeds, log } = make([bad, rude, good]);
    feeds.open();
    await feeds.close(new AbortController().signal);
    expect(log).toEqual(["can't open", "can't close"]);
    expect(good.log).toEqual(["open", "close"]);
  });

  it("waits for good-byes until the signal, and no longer for those that ignore it", async () => {
    const deaf: PeerSource = {
      name: "deaf",
      open: () => ({ completed: () => {}, refresh: () => {}, close: () => new Promise(() => {}) }),
      close: async () => {},
    };
    const slow = new FakeSource("tracker");
    const { promise, resolve } = Promise.withResolvers<void>();
    slow.goodbye = promise;
    const { feeds: patient } = make([slow]);
    patient.open();
    const closing = patient.close(new AbortController().signal);
    resolve();
    await closing;
    const { feeds } = make([deaf]);
    feeds.open();
    const limit = new AbortController();
    const ended = feeds.close(limit.signal);
    limit.abort();
    await ended;
  });
});
