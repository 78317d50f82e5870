// Two nodes on this machine: one announces a torrent, the other finds its peer.
import { createDht } from "@shoal/dht/node";

const infoHash = new Uint8Array(20).fill(7);
const seeder = await createDht({ addresses: ["127.0.0.1"], bootstrap: [] });
const finder = await createDht({ addresses: ["127.0.0.1"], bootstrap: [...seeder.addresses] });
const stored = new Promise((announced) => {
  setTimeout(() => seeder.announce(infoHash, { port: 6881, announced }), 500);
});
await stored;
for await (const peer of finder.lookup(infoHash)) console.log(peer);
await Promise.all([seeder.close(), finder.close()]);
