// Prints info-hashes that the nodes of the DHT know: crawler.ts [host:port of a node to begin with]
import { toHex } from "@shoal/core";
import { createDht } from "@shoal/dht/node";

const [first] = process.argv.slice(2);
const node = await createDht(first === undefined ? {} : { bootstrap: [first] });
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

// A crawl begins with the nodes of the table: let it fill a little.
while (node.nodes().length < (first === undefined ? 50 : 1)) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
let count = 0;
try {
  for await (const { infoHash, node: source } of node.crawl({ signal: stop.signal })) {
    console.log(toHex(infoHash), `${source.address}:${source.port}`);
    count++;
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
}
console.error(`${count} info-hashes, ${node.stats().datagramsReceived} datagrams received`);
await node.close();
