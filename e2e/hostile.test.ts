// Whatever a hostile peer does, a download completes and leaves nothing behind.
import { type Duplex, PieceGeometry } from "@shoal/core";
import { parseTorrent } from "@shoal/metainfo";
import type { TorrentStats } from "@shoal/session/bare";
import { corrupts, createSimulation, type HostilePeer, hostilePeers } from "@shoal/testkit";
import { describe, expect, it } from "vitest";
import { at, checkingStore, makeTorrent, openSession } from "./sim-swarm.fixture.ts";

const PIECE_LENGTH = 48 << 10;
const torrent = makeTorrent((1 << 20) - 123, PIECE_LENGTH);
const infoHash = parseTorrent(torrent.bytes).infoHashes.v1 ?? new Uint8Array(20);
const geometry = new PieceGeometry(torrent.payload.length, PIECE_LENGTH);
const line = { uploadBytesPerSecond: 200_000, downloadBytesPerSecond: 1e6, latencyMs: 10 };

describe.each(hostilePeers.map((hostile) => [hostile.name, hostile] as const))(
  "a peer that %s",
  (_, hostile) => {
    it.each(["dials the leech", "is dialled by the leech", "dials the seed"] as const)(
      "and %s does not stop a download",
      async (way) => {
        await download(hostile, way);
      },
    );
  },
);

it("bans who sends wrong blocks, and nobody else", async () => {
  const stats = await download(corrupts(1), "is dialled by the leech");
  expect(stats.bannedPeers).toBe(1);
  expect(stats.failed).toBeGreaterThan(0);
});

type Way = "dials the leech" | "is dialled by the leech" | "dials the seed";

async function download(hostile: HostilePeer, way: Way): Promise<TorrentStats> {
  const sim = createSimulation({ seed: 1 });
  const [seed, leech] = await sim.settle(
    Promise.all([openSession(sim, "10.0.0.1", line), openSession(sim, "10.0.0.2", line)]),
    1000,
  );
  const villain = sim.network.host("10.0.0.3", line).transport();
  const plague = (duplex: Duplex): Promise<void> =>
    hostile.run(duplex, {
      infoHash,
      geometry,
      content: (piece, begin, length) => {
        const start = piece * PIECE_LENGTH + begin;
        return torrent.payload.subarray(start, start + length);
      },
      clock: sim.clock,
      deadlines: sim.deadlines,
      rng: sim.rng,
    });
  await villain.listen(at("10.0.0.3"), (duplex) => void plague(duplex));
  const store = checkingStore(torrent, true);
  await sim.settle(seed.add(torrent.bytes, { store }), 1000);
  const peers = [at("10.0.0.1"), ...(way === "is dialled by the leech" ? [at("10.0.0.3")] : [])];
  const adding = leech.add(torrent.bytes, { store: checkingStore(torrent, false), peers });
  const added = await sim.settle(adding, 1000);
  if (way !== "is dialled by the leech") {
    const { signal } = new AbortController();
    const victim = way === "dials the seed" ? "10.0.0.1" : "10.0.0.2";
    void villain.dial(at(victim), { signal }).then(plague);
  }
  await sim.settle(added.completed(), 600_000);
  const { stats } = added;
  await sim.settle(Promise.all([seed.close(), leech.close()]), 60_000);
  await sim.advance(1_000_000);
  expect(sim.deadlines.size).toBe(0);
  return stats;
}
