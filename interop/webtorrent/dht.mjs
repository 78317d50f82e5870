// npm bittorrent-dht as a node: JSON lines in, JSON lines out, as libtorrent-dht.py without mutable items.
import { createInterface } from "node:readline";
import DHT from "bittorrent-dht";

const { address, port } = JSON.parse(process.argv[2]);
const say = (event, fields = {}) => console.log(JSON.stringify({ event, ...fields }));
const dht = new DHT({ bootstrap: false });
const fail = (error) => error && say("error", { message: error.message });
dht.on("peer", ({ host, port }, hash) => {
  say("peers", { hash: hash.toString("hex"), peers: [[host, port]] });
});
dht.on("error", fail);
dht.listen(port, address, () => say("ready"));

const commands = {
  node: ({ address, port }) => dht.addNode({ host: address, port }),
  announce: ({ hash, port }) => dht.announce(hash, port, fail),
  peers: ({ hash }) => dht.lookup(hash, fail),
  put: ({ value }) =>
    dht.put({ v: Buffer.from(value) }, (error, target) => {
      if (error) fail(error);
      else say("put", { target: target.toString("hex") });
    }),
  get: ({ target }) =>
    dht.get(Buffer.from(target, "hex"), (error, item) => {
      if (error) fail(error);
      else say("item", { value: item ? Buffer.from(item.v).toString() : null });
    }),
};
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
