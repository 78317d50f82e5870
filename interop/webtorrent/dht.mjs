// npm bittorrent-dht as a node: JSON lines in, JSON lines out, as libtorrent-dht.py.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";
import DHT from "bittorrent-dht";

const { address, port } = JSON.parse(process.argv[2]);
const say = (event, fields = {}) => console.log(JSON.stringify({ event, ...fields }));
/** Ed25519 keys as Node wants them: what stands before the bytes in DER (RFC 8410). */
const publicKey = (key) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]),
    format: "der",
    type: "spki",
  });
const privateKey = (seed) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
    format: "der",
    type: "pkcs8",
  });
const targetOf = (key, salt) => createHash("sha1").update(key).update(salt).digest();
const dht = new DHT({
  bootstrap: false,
  verify: (signature, message, key) => verify(null, message, publicKey(key), signature),
});
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
  putMutable: ({ seed, key, salt, value }) => {
    const k = Buffer.from(key, "hex");
    const secret = privateKey(Buffer.from(seed, "hex"));
    const item = { k, salt: Buffer.from(salt), v: Buffer.from(value) };
    dht.get(targetOf(k, salt), { salt: item.salt }, (error, current) => {
      if (error) fail(error);
      const seq = (current?.seq ?? 0) + 1;
      const signed = (message) => sign(null, message, secret);
      dht.put({ ...item, seq, sign: signed }, (error, _target, nodes) => {
        if (error) fail(error);
        else say("stored", { nodes });
      });
    });
  },
  getMutable: ({ key, salt }) =>
    dht.get(targetOf(Buffer.from(key, "hex"), salt), { salt: Buffer.from(salt) }, (error, item) => {
      if (error) fail(error);
      else say("mutable", { value: item ? item.v.toString() : null, seq: item?.seq ?? 0 });
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
