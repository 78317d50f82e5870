// What a disk slower than the network does to memory: a download over loopback to one of 20 MB/s.
//
//     node --conditions=shoal-source bench/slow-disk.ts [<MiB> [<KiB of a piece> [<MB/s>]]]
//
// Prints the leecher's highest anonymous memory in each quarter of the time: it must not grow, nor be
// more than the cache and 60 MiB.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "@shoal/bencode";
import { createSession } from "@shoal/session";

const MIB = 2 ** 20;
const numbers = process.argv.slice(2).map(Number);
const total = (numbers[0] ?? 256) * MIB;
const pieceLength = (numbers[1] ?? 256) * 1024;
const speed = numbers[2] ?? 20;
/** How often memory is looked at, in ms. */
const INTERVAL = 20;

interface Look {
  readonly at: number;
  readonly anonMib: number;
}

/** Runs a leecher to its end. */
async function leech(cacheMib: number, port: number, path: string): Promise<Look[]> {
  mkdirSync(path);
  const program = join(import.meta.dirname, "slow-leecher.ts");
  const args = ["--conditions=shoal-source", program, torrentFile, path];
  const child = spawn(process.execPath, [...args, `${port}`, `${cacheMib}`, `${speed}`]);
  child.stderr.pipe(process.stderr);
  const looks: Look[] = [];
  const timer = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
    const anon = /RssAnon:\s+(\d+)/.exec(status)?.[1];
    if (anon !== undefined) looks.push({ at: performance.now(), anonMib: Number(anon) / 1024 });
  }, INTERVAL);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  clearInterval(timer);
  await new Promise((resolve) => child.once("exit", resolve));
  return looks;
}

/** The highest in each quarter of the time. */
function quarters(looks: readonly Look[]): number[] {
  const start = looks[0]?.at ?? 0;
  const span = (looks.at(-1)?.at ?? 0) - start;
  const peaks = [0, 0, 0, 0];
  for (const { at, anonMib } of looks) {
    const quarter = Math.min(3, Math.floor(((at - start) / span) * 4));
    peaks[quarter] = Math.max(peaks[quarter] ?? 0, anonMib);
  }
  return peaks;
}

const folder = mkdtempSync(join(tmpdir(), "shoal-slow-"));
const payload = randomBytes(total);
writeFileSync(join(folder, "payload"), payload);
const digests: Buffer[] = [];
for (let at = 0; at < total; at += pieceLength) {
  digests.push(
    createHash("sha1")
      .update(payload.subarray(at, at + pieceLength))
      .digest(),
  );
}
const pieces = Buffer.concat(digests);
const info = { length: total, name: "payload", "piece length": pieceLength, pieces };
const torrentFile = join(folder, "payload.torrent");
writeFileSync(torrentFile, encode({ info }));

const seeder = await createSession({
  bind: ["127.0.0.1"],
  port: 0,
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
});
const torrent = await seeder.add(torrentFile, { path: folder });
await torrent.completed();

console.log(`${total / MIB} MiB in pieces of ${pieceLength / 1024} KiB, a disk of ${speed} MB/s\n`);
console.log("| cache MiB | MB/s | anon MiB by quarters | cache + 60 |");
console.log("| --- | --- | --- | --- |");
try {
  for (const cacheMib of [4, 16, 64]) {
    const looks = await leech(cacheMib, seeder.port, join(folder, `${cacheMib}`));
    const seconds = ((looks.at(-1)?.at ?? 0) - (looks[0]?.at ?? 0)) / 1000;
    const peaks = quarters(looks).map((peak) => peak.toFixed(0));
    const rate = (total / 1e6 / seconds).toFixed(1);
    console.log(`| ${cacheMib} | ${rate} | ${peaks.join(", ")} | ${cacheMib + 60} |`);
  }
} finally {
  await seeder.close();
  rmSync(folder, { recursive: true, force: true });
}
