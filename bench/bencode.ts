// Speed of @shoal/bencode beside npm's bencode: prints a Markdown table.
import { decode, decodeDict, encode } from "@shoal/bencode";
import npm from "bencode";
import { Bench } from "tinybench";

const FILES = 10_000;

const files = Array.from({ length: FILES }, (_, i) => ({
  length: 1_000_003 + i * 7919,
  path: [`season ${i % 40}`, `episode ${i} – part.mkv`],
}));
const torrent = encode({
  announce: "http://tracker.example/announce",
  "creation date": 1_700_000_000,
  info: {
    files,
    name: "ten thousand files",
    "piece length": 4_194_304,
    pieces: Uint8Array.from({ length: 20 * 30_000 }, (_, i) => (i * 31) & 0xff),
  },
});
const message = encode({
  a: { id: new Uint8Array(20).fill(7), info_hash: new Uint8Array(20).fill(9) },
  q: "get_peers",
  t: "aa",
  v: "LT01",
  y: "q",
});
const torrentValue: unknown = npm.decode(torrent);
const messageValue: unknown = npm.decode(message);

/** Decodes the torrent and reads every name and length, as a client does. */
function decodeAndRead(): number {
  let sum = 0;
  for (const file of decodeDict(torrent).dict("info")?.list("files") ?? []) {
    if (typeof file !== "object" || !("list" in file)) continue;
    sum += file.int("length") ?? 0;
    sum += file.list("path")?.length ?? 0;
  }
  return sum;
}

const bench = new Bench({ time: 2000, warmupTime: 500 });
bench
  .add("decode torrent", () => decode(torrent))
  .add("decode torrent and read all files", () => decodeAndRead())
  .add("decode torrent (npm)", () => npm.decode(torrent))
  .add("decode get_peers", () => decode(message))
  .add("decode get_peers (npm)", () => npm.decode(message))
  .add("encode torrent", () => encode(torrentValue as never))
  .add("encode torrent (npm)", () => npm.encode(torrentValue))
  .add("encode get_peers", () => encode(messageValue as never))
  .add("encode get_peers (npm)", () => npm.encode(messageValue));
await bench.run();

const micros = (name: string): number => {
  const result = bench.getTask(name)?.result;
  return result !== undefined && "latency" in result ? result.latency.p50 * 1000 : Number.NaN;
};
const rows: [job: string, ours: string, theirs: string][] = [
  ["decode, 10,000 files", "decode torrent", "decode torrent (npm)"],
  ["decode and read", "decode torrent and read all files", "decode torrent (npm)"],
  ["decode, get_peers", "decode get_peers", "decode get_peers (npm)"],
  ["encode, 10,000 files", "encode torrent", "encode torrent (npm)"],
  ["encode, get_peers", "encode get_peers", "encode get_peers (npm)"],
];
const lines = rows.map(([job, ours, theirs]) => {
  const [a, b] = [micros(ours), micros(theirs)];
  return `| ${job} | ${a.toFixed(1)} | ${b.toFixed(1)} | ${(b / a).toFixed(1)} |`;
});
process.stdout.write(
  `${torrent.length} and ${message.length} bytes, median of each call in µs, Node ${process.version}\n\n` +
    `| job | @shoal/bencode | npm bencode | ratio |\n|---|--:|--:|--:|\n${lines.join("\n")}\n`,
);
