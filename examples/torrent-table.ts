// Prints what a torrent holds: `node torrent-table.ts [file.torrent]`, or a torrent made on the spot.
import { readFileSync } from "node:fs";
import { toHex } from "@shoal/core";
import { buildTorrent, choosePieceLength, parseTorrent } from "@shoal/metainfo";

const [file] = process.argv.slice(2);
const bytes = file === undefined ? sample() : readFileSync(file);
const { name, infoHashes, geometry, files, trackers } = parseTorrent(bytes);

console.log(name, toHex(infoHashes.v1 ?? new Uint8Array()));
for (const { path, length } of files) console.log(String(length).padStart(8), path.join("/"));
console.log(geometry.pieceCount, "pieces; trackers:", trackers.flat().join(" "));
// → album 57cc1e32e0998f4a09faf586fe6e2d578ea49f55
// →    20000 album/one.flac
// →     5000 album/covers/front.jpg
// → 2 pieces; trackers: udp://tracker.example:6969/announce

function sample(): Uint8Array {
  return buildTorrent({
    name: "album",
    files: [
      { path: ["album", "one.flac"], length: 20_000 },
      { path: ["album", "covers", "front.jpg"], length: 5_000 },
    ],
    pieceLength: choosePieceLength(25_000),
    pieceHashes: new Uint8Array(2 * 20),
    trackers: [["udp://tracker.example:6969/announce"]],
  });
}
