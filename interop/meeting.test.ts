// Shoal and foreign clients that have one way alone to find each other: peer exchange, local discovery
// or the DHT. In network namespaces, which need root.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runOnIsland } from "./island.ts";
import type { Meeting, Outcome } from "./meeting.ts";
import type { Files } from "./party.ts";
import { makePayload, makeTorrent, type Payload } from "./payloads.ts";

let root: string;
let payload: Payload;
let torrentFile: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shoal-meeting-"));
  const source = join(root, "source");
  await mkdir(source);
  payload = await makePayload("single", source);
  torrentFile = join(root, "x.torrent");
  await makeTorrent(payload, 256 * 1024, "libtorrent", torrentFile);
});
afterAll(() => rm(root, { recursive: true }));

async function hold(meeting: Omit<Meeting, keyof Files>): Promise<Outcome> {
  const work = await mkdtemp(join(root, "work-"));
  const files: Files = { torrentFile, root: payload.root, work };
  return (await runOnIsland("meeting.ts", { ...meeting, ...files })) as Outcome;
}

describe("by peer exchange of", { concurrent: true }, () => {
  it.for([
    { between: "libtorrent", seed: "libtorrent", leech: "shoal" },
    { between: "libtorrent", seed: "transmission", leech: "shoal" },
    { between: "libtorrent", seed: "shoal", leech: "libtorrent" },
    { between: "libtorrent", seed: "shoal", leech: "transmission" },
    { between: "transmission", seed: "libtorrent", leech: "shoal" },
    { between: "transmission", seed: "shoal", leech: "libtorrent" },
    // Not two libtorrents: told of each other at once they dial each other, and both hang up.
    { between: "shoal", seed: "transmission", leech: "libtorrent" },
    { between: "shoal", seed: "libtorrent", leech: "transmission" },
  ] as const)("$between: $seed → $leech", async (who) => {
    const { differences, lacks } = await hold({ by: "pex", ...who });
    expect(differences).toEqual([]);
    expect(lacks).not.toEqual([]);
  });
});

describe("by local discovery", { concurrent: true }, () => {
  it.for([
    { seed: "libtorrent", leech: "shoal", first: "seed", family: 4 },
    { seed: "libtorrent", leech: "shoal", first: "leech", family: 6 },
    { seed: "shoal", leech: "libtorrent", first: "seed", family: 4 },
    { seed: "shoal", leech: "libtorrent", first: "leech", family: 6 },
    { seed: "transmission", leech: "shoal", first: "seed", family: 4 },
    { seed: "transmission", leech: "shoal", first: "leech", family: 4 },
    { seed: "shoal", leech: "transmission", first: "seed", family: 4 },
    { seed: "shoal", leech: "transmission", first: "leech", family: 4 },
  ] as const)("$seed → $leech over IPv$family, the $first is there first", async (who) => {
    expect((await hold({ by: "lsd", ...who })).differences).toEqual([]);
  });
});

describe("by the DHT, with a magnet link", { concurrent: true }, () => {
  it.for([
    { seed: "libtorrent", leech: "shoal" },
    { seed: "shoal", leech: "libtorrent" },
  ] as const)("$seed → $leech", async (who) => {
    expect((await hold({ by: "dht", ...who })).differences).toEqual([]);
  });
});
