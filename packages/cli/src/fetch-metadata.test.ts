// What is left behind of fetching metadata, however it ends.
import { getEventListeners } from "node:events";
import { toHex } from "@shoal/core";
import { buildTorrent, parseTorrent } from "@shoal/metainfo";
import { createSession, type Session, type Torrent } from "@shoal/session";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fetchMetadata } from "./fetch-metadata.ts";

const { infoBytes, infoHashes } = parseTorrent(
  buildTorrent({
    name: "a",
    files: [{ path: ["a"], length: 5 }],
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20),
  }),
);
const reporter = { intervalMs: 60_000, report: () => {}, close: () => {} };

let session: Session;
let torrent: Torrent;
beforeEach(async () => {
  const off = { trackers: false, dht: false, lsd: false, portMapping: false };
  session = await createSession({ ...off, listen: false });
  torrent = await session.add(toHex(infoHashes.v1 ?? new Uint8Array()), { paused: true });
});
afterEach(() => session.close());

it("ends at once if the user left before it began", async () => {
  const reason = new Error("left");
  const context = { reporter, signal: AbortSignal.abort(reason), env: {} };
  await expect(fetchMetadata(torrent, context, () => {})).rejects.toBe(reason);
});

it("leaves no listener at the signal when the metadata has come", async () => {
  const { signal } = new AbortController();
  const fetched = fetchMetadata(torrent, { reporter, signal, env: {} }, () => void torrent.pause());
  while (torrent.state !== "metadata") await torrent.once("state");
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  torrent.setMetadata(infoBytes);
  expect((await fetched).name).toBe("a");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
