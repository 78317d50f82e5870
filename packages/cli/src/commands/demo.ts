// `shoal demo`: shows the main job on this machine alone: share, find by magnet link in a DHT, download,
// verify.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatEndpoint } from "@shoal/core";
import { createDht } from "@shoal/dht/node";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import type { Context } from "../context.ts";
import { compareFiles } from "../demo/compare.ts";
import { makePayload } from "../demo/payload.ts";
import { fetchMetadata } from "../fetch-metadata.ts";
import { fetchTorrent } from "../fetch-torrent.ts";
import { formatCount, formatRate, formatSize } from "../format.ts";
import { addTorrent, untilChecked, withSession } from "../with-session.ts";
import { hashPayload } from "./create.ts";

/** Everything happens on the loopback device, which machines without any network have too. */
const LOOPBACK = "127.0.0.1";

/** Works in a temporary folder that is removed in the end. */
export async function demo(context: Context): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-demo-"));
  const dht = await createDht({ addresses: [LOOPBACK], bootstrap: [] });
  try {
    await share(folder, dht.addresses.map(formatEndpoint), context);
  } finally {
    await dht.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param bootstrap A node of a DHT of our own. */
async function share(
  folder: string,
  bootstrap: readonly string[],
  context: Context,
): Promise<void> {
  const { reporter, signal } = context;
  const note = (message: string): void => reporter.report({ event: "note", message });
  const from = join(folder, "seed");
  const to = join(folder, "download");
  const payload = join(from, "shoal demo");
  await mkdir(payload, { recursive: true });
  const { files, bytes } = await makePayload(payload);
  note(`made a payload: ${formatCount(files, "file")}, ${formatSize(bytes)}`);

  const torrentBytes = await hashPayload(payload, {}, context);
  const { infoHashes } = parseTorrent(torrentBytes);
  const magnet = formatMagnet({ infoHashes });
  note(`made its torrent: ${formatCount(torrentBytes.length, "byte")}`);

  const settings = {
    bind: [LOOPBACK],
    port: 0,
    dht: { bootstrap },
    lsd: false,
    portMapping: false,
  };
  await withSession(context, settings, async (seeder) => {
    const seeded = await addTorrent(seeder, torrentBytes, { path: from }, context);
    await untilChecked(seeded, context);
    note(`one session seeds it at port ${seeder.port}, another has only ${magnet} and a DHT`);
    await withSession(context, settings, async (leecher) => {
      const torrent = await addTorrent(leecher, magnet, { path: to, paused: true }, context);
      await fetchMetadata(torrent, context, ({ name }) =>
        note(`found a peer, and the torrent of '${name}'`),
      );
      const path = join(to, torrent.name);
      const done = await fetchTorrent(torrent, { port: leecher.port, path }, context);
      signal.throwIfAborted();
      await compareFiles(payload, path);
      note(
        `verified every byte: ${formatCount(files, "file")} at ${formatRate(done.downloadRate)}`,
      );
    });
  });
}
