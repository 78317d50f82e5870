// Torrents that begin with a magnet link: how their metadata comes, and what becomes of their peers.
import { createHash } from "node:crypto";
import { errorCode } from "@shoal/core";
import { type Magnet, type Metainfo, parseMagnet } from "@shoal/metainfo";
import type { ExtensionTorrent, WireExtension } from "@shoal/wire";
import { describe, expect, it } from "vitest";
import { at, FakeSource, sample, testStore, World } from "../testing/world.ts";
import type { TorrentInit } from "./init.ts";
import type { Torrent } from "./torrent.ts";

const DATA = sample([50_000, 0, 100_000, 30_001]);

function magnetOf({ infoHashes }: Metainfo, rest = ""): Magnet {
  return parseMagnet(
    `magnet:?xt=urn:btih:${Buffer.from(infoHashes.v1 ?? []).toString("hex")}${rest}`,
  );
}

/** An extension that says nothing, and lets the test be the peers that send metadata. */
function bystander(): WireExtension & { torrents: ExtensionTorrent[]; closed: number } {
  const extension = {
    name: "ut_test",
    torrents: [] as ExtensionTorrent[],
    closed: 0,
    attach: (torrent: ExtensionTorrent) => {
      extension.torrents.push(torrent);
      if (torrent.isPrivate) return undefined;
      return {
        attachPeer: () => ({ message: () => {} }),
        close: () => void extension.closed++,
      };
    },
  };
  return extension;
}

async function started(world: World, init: Partial<TorrentInit> = {}, metainfo = DATA.metainfo) {
  const extension = bystander();
  const source = new FakeSource("dht");
  const host = world.host({ extensions: [extension], sources: [source] });
  const leech = world.torrent(2, metainfo, { origin: magnetOf(metainfo), ...init }, host);
  const log = diary(leech);
  await world.until(leech.start());
  return { leech, log, extension, source };
}

function diary(torrent: Torrent): string[] {
  const log: string[] = [];
  torrent.on("state", (state) => log.push(state));
  torrent.on("metadata", ({ name }) => log.push(`metadata ${name}`));
  torrent.on("connected", ({ address }) => log.push(`connected ${address}`));
  torrent.on("disconnected", ({ error }) => log.push(`disconnected ${String(errorCode(error))}`));
  torrent.on("error", (error) => log.push(`error ${String(errorCode(error))}`));
  torrent.on("done", () => log.push("done"));
  return log;
}

describe("a magnet link", () => {
  it("becomes a torrent, and the peers that told the metadata send the data", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    const store = await testStore();
    const { leech, log, extension, source } = await started(world, { store });
    expect(leech).toMatchObject({ state: "metadata", metainfo: undefined, files: [] });
    expect(leech.progress).toMatchObject({ fraction: 0, total: 0, etaSeconds: undefined });
    expect(source.swarm?.transfer().left).toBeUndefined();
    leech.addPeers([at(1)]);
    await world.settle();
    expect(leech.peers).toMatchObject([{ fraction: 0, amInterested: false }]);
    const completed = leech.completed();
    expect(extension.torrents[0]?.metadata()).toBeUndefined();
    expect(extension.torrents[0]?.metadataArrived(DATA.metainfo.infoBytes)).toBe(true);
    expect(extension.torrents[0]?.metadata()).toEqual(DATA.metainfo.infoBytes);
    await world.until(completed);
    expect(log).toEqual([
      "metadata",
      "connected 192.0.2.1",
      "metadata sample",
      "downloading",
      "seeding",
      "disconnected ERR_PEER_REDUNDANT",
      "done",
    ]);
    expect(source.swarm?.transfer().left).toBe(0);
    expect(await store.content(DATA)).toEqual(DATA.bytes);
  });

  it("hears what peers said of their pieces before: all, some, one by one", async () => {
    const world = new World();
    // Seeds with the same two pieces: by a bitfield, and by `have` messages after an empty one.
    const whole = await testStore(DATA);
    const part = world.torrent(1, DATA.metainfo, { priorities: new Map([[2, 0]]) });
    const seed = world.torrent(3, DATA.metainfo, { store: whole });
    for (const torrent of [part, seed]) await world.until(torrent.start());
    const { leech, extension } = await started(world);
    leech.addPeers([at(1)]);
    await world.settle();
    part.addPeers([at(3)]);
    await world.until(part.completed());
    const said = part.progress.piecesDone / part.progress.pieceCount;
    expect(said).toBeGreaterThan(0.3);
    extension.torrents[0]?.metadataArrived(DATA.metainfo.infoBytes);
    await world.settle();
    expect(leech.peers.map(({ fraction }) => fraction)).toContain(said);
    leech.addPeers([at(3)]);
    await world.until(leech.completed());
  });

  it("verifies data that lies there already, without connections", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    const { leech, log, extension } = await started(world, { store: await testStore(DATA) });
    leech.addPeers([at(1)]);
    await world.settle();
    extension.torrents[0]?.metadataArrived(DATA.metainfo.infoBytes);
    await world.until(leech.completed());
    expect(log.slice(2, 7)).toEqual([
      "metadata sample",
      "checking",
      "disconnected ERR_SHOAL_UNKNOWN",
      "seeding",
      "done",
    ]);
  });

  it("takes an info dictionary from elsewhere, also while paused, and refuses any other", async () => {
    const world = new World();
    const { leech } = await started(world, { paused: true });
    expect(leech.state).toBe("paused");
    expect(leech.setMetadata(sample([10]).metainfo.infoBytes)).toBe(false);
    expect(leech.setMetadata(DATA.metainfo.infoBytes)).toBe(true);
    expect(leech.setMetadata(DATA.metainfo.infoBytes)).toBe(true);
    await world.settle();
    expect(leech).toMatchObject({ state: "paused", name: "sample" });
    expect(leech.files.map(({ length }) => length)).toEqual([50_000, 0, 100_000, 30_001]);
    await world.until(leech.resume());
    expect(leech.state).toBe("downloading");
  });

  it("keeps the trackers, web seeds and nodes of the link, and its name until there is another", async () => {
    const world = new World();
    const origin = magnetOf(
      DATA.metainfo,
      "&dn=hint&tr=udp%3A%2F%2Ft.test%3A1%2Fannounce&ws=http%3A%2F%2Fw.test%2F&dht=n.test:2",
    );
    const { leech, source } = await started(world, { origin });
    expect(leech.name).toBe("hint");
    expect(source.swarm?.trackers).toEqual([["udp://t.test:1/announce"]]);
    expect(source.swarm?.nodes).toEqual([{ host: "n.test", port: 2 }]);
    leech.setMetadata(DATA.metainfo.infoBytes);
    await world.settle();
    expect(leech.metainfo).toMatchObject({ name: "sample", webSeeds: ["http://w.test/"] });
    leech.trackers = [["http://new.test/announce"]];
    expect(source.swarm?.trackers).toEqual([["http://new.test/announce"]]);
    expect(source.log).toEqual(["open", "refresh"]);
  });

  it("selects the files that the link names (BEP 53) or the user wished meanwhile", async () => {
    const world = new World();
    const { leech } = await started(world, { origin: magnetOf(DATA.metainfo, "&so=0,2-9") });
    expect(() => leech.setPriorities(new Map([[1, 9 as 7]]))).toThrow("priority of file 1");
    leech.setPriorities(
      new Map([
        [1, 6],
        [99, 0],
      ]),
    );
    leech.setMetadata(DATA.metainfo.infoBytes);
    await world.settle();
    expect(leech.files.map(({ priority }) => priority)).toEqual([4, 6, 4, 4]);
    const other = await started(world, { origin: magnetOf(DATA.metainfo, "&so=2") });
    other.leech.setMetadata(DATA.metainfo.infoBytes);
    await world.settle();
    expect(other.leech.files.map(({ priority }) => priority)).toEqual([0, 0, 4, 0]);
  });

  it("fails for good if the right info dictionary is no good", async () => {
    const world = new World();
    const bad = new TextEncoder().encode("d6:lengthi5e4:name1:x12:piece lengthi16384ee");
    const hash = createHash("sha1").update(bad).digest("hex");
    const { leech, log } = await started(world, {
      origin: parseMagnet(`magnet:?xt=urn:btih:${hash}`),
    });
    expect(leech.setMetadata(bad)).toBe(true);
    await world.pass(120_000);
    expect(leech.state).toBe("error");
    expect(log.at(-1)).toMatch("error ERR_METAINFO");
    expect(world.deadlines.size).toBe(0);
  });

  it("leaves peers and sources that a private torrent must not have", async () => {
    const world = new World();
    const secret = sample([50_000], 32_768, 2, true);
    const seed = world.torrent(8, secret.metainfo, { store: await testStore(secret) });
    await world.until(seed.start());
    const { leech, extension, source } = await started(world, {}, secret.metainfo);
    expect(extension.torrents).toEqual([]);
    source.swarm?.found([at(7)]);
    leech.addPeers([at(8)]);
    await world.settle();
    extension.torrents[0]?.metadataArrived(secret.metainfo.infoBytes);
    // At once, and not when the disk has been opened.
    expect(source.log).toEqual(["open", "close"]);
    expect(extension.closed).toBe(1);
    await world.until(leech.completed());
    expect(leech.stats.knownPeers).toBe(1);
    expect(source.log).toEqual(["open", "close", "open", "completed"]);
    expect(source.swarm?.isPrivate).toBe(true);
    expect([extension.closed, extension.torrents.length]).toEqual([1, 2]);
  });

  it("can be closed at any time", async () => {
    const world = new World();
    const { leech } = await started(world);
    leech.addPeers([at(1)]);
    leech.setMetadata(DATA.metainfo.infoBytes);
    await world.until(leech.close());
    expect(leech.state).toBe("closed");
    expect(world.deadlines.size).toBe(0);
  });
});
