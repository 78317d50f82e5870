// `shoal demo`: shows the main job on this machine alone: share, find by a tracker, download, verify.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTrackerServer } from "@shoal/tracker/server";
import type { Context } from "../context.ts";
import { compareFiles } from "../demo/compare.ts";
import { makePayload } from "../demo/payload.ts";
import { fetchTorrent } from "../fetch-torrent.ts";
import { formatCount, formatRate, formatSize } from "../format.ts";
import { addTorrent, untilChecked, withSession } from "../with-session.ts";
import { hashPayload } from "./create.ts";

/** Everything happens on the loopback device, which machines without any network have too. */
const LOOPBACK = "127.0.0.1";

/** Works in a temporary folder that is removed in the end. */
export async function demo(context: Context): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-demo-"));
  const tracker = await createTrackerServer({ http: { host: LOOPBACK }, udp: false });
  try {
    await share(folder, tracker.httpUrl ?? "", context);
  } finally {
    await tracker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function share(folder: string, trackerUrl: string, context: Context): Promise<void> {
  const { reporter, signal } = context;
  const note = (message: string): void => reporter.report({ event: "note", message });
  const from = join(folder, "seed");
  const to = join(folder, "download");
  const payload = join(from, "shoal demo");
  await mkdir(payload, { recursive: true });
  const { files, bytes } = await makePayload(payload);
  note(`made a payload: ${formatCount(files, "file")}, ${formatSize(bytes)}`);

  const torrentFile = join(folder, "demo.torrent");
  const torrentBytes = await hashPayload(payload, { tracker: [trackerUrl] }, context);
  await writeFile(torrentFile, torrentBytes);
  note(`made its torrent: ${formatCount(torrentBytes.length, "byte")}`);

  const settings = { address: LOOPBACK, port: 0, dht: false };
  await withSession(context, settings, async (seeder) => {
    const seeded = await addTorrent(seeder, torrentFile, { path: from }, context);
    await untilChecked(seeded, context);
    note(`one session seeds it at port ${seeder.port}, another asks ${trackerUrl} who does`);
    await withSession(context, settings, async (leecher) => {
      const torrent = await addTorrent(leecher, torrentFile, { path: to, paused: true }, context);
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
