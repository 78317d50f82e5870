// A tracker of one's own, and two peers that find each other through it with plain `fetch`.
import { randomBytes } from "node:crypto";
import { formatEndpoint } from "@shoal/core";
import { buildAnnounceUrl, parseHttpAnnounce, parseTrackerUrl } from "@shoal/tracker";
import { createTrackerServer } from "@shoal/tracker/server";

const infoHash = randomBytes(20);
const server = await createTrackerServer({ http: { host: "127.0.0.1" }, udp: false });
const tracker = parseTrackerUrl(server.httpUrl ?? "");

/** Tells the tracker of a peer that listens on `port`, and gives the peers that it names. */
async function announce(port: number, left: number): Promise<string[]> {
  const url = buildAnnounceUrl(tracker, {
    infoHash,
    peerId: randomBytes(20),
    port,
    uploaded: 0,
    downloaded: 0,
    left,
    event: "started",
    numWant: 50,
    key: port,
  });
  const answer = parseHttpAnnounce(await (await fetch(url)).bytes());
  return answer.peers.map(formatEndpoint);
}

console.log(await announce(6881, 0)); // → []
console.log(await announce(6882, 1000)); // → [ '127.0.0.1:6881' ]
console.log(server.swarm(infoHash)?.seeders, server.swarm(infoHash)?.leechers); // → 1 1
await server.close();
