// Our DHT node among libtorrent's and bittorrent-dht's, both directions.
import { type Endpoint, toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import { createDht, nodeSigner } from "@shoal/dht/node";
import { afterEach, describe, expect, it } from "vitest";
import { type ForeignNode, startNode } from "./dht-node.ts";
import { inTime, until } from "./wait.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
});

const HASH = new Uint8Array(20).fill(0x5a);
const hash = toHex(HASH);

/** Three foreign nodes and two of ours; each has met the first. */
async function network(
  kind: "libtorrent" | "bittorrent-dht",
  family: 4 | 6,
): Promise<{ foreign: ForeignNode[]; ours: DhtNode[] }> {
  const addresses = family === 4 ? ["127.0.1.1", "127.0.2.1", "127.0.3.1"] : ["::1", "::1", "::1"];
  const foreign = await Promise.all(addresses.map((address) => startNode(kind, address)));
  open.push(...foreign);
  const first = foreign[0]?.endpoint as Endpoint;
  const ours: DhtNode[] = [];
  for (const address of family === 4 ? ["127.0.4.1", "127.0.5.1"] : ["::1", "::1"]) {
    const node = await createDht({ addresses: [address], bootstrap: [first] });
    open.push(node);
    ours.push(node);
  }
  const meet = (): void => {
    for (const node of foreign) {
      for (const { endpoint } of foreign) node.tell({ do: "node", ...endpoint });
      for (const { addresses } of ours) node.tell({ do: "node", ...(addresses[0] as Endpoint) });
    }
    for (const node of ours) node.addNodes(foreign.map(({ endpoint }) => endpoint));
  };
  await until("the network", async () => {
    meet();
    return ours.every((node) => node.nodes().length >= 4) ? true : undefined;
  });
  return { foreign, ours };
}

async function peersOf(node: DhtNode): Promise<Endpoint[]> {
  const peers: Endpoint[] = [];
  for await (const peer of node.lookup(HASH)) peers.push(peer);
  return peers;
}

for (const [kind, family] of [
  ["libtorrent", 4],
  ["libtorrent", 6],
  ["bittorrent-dht", 4],
] as const) {
  describe(`${kind} over IPv${family}`, () => {
    it("finds the peers that we announce, and we theirs", async () => {
      const { foreign, ours } = await network(kind, family);
      const [foe] = foreign as [ForeignNode];
      const [mine, other] = ours as [DhtNode, DhtNode];
      const stored = new Promise<number>((announced) => {
        mine.announce(HASH, { port: 4321, announced });
      });
      expect(await inTime("our announce", stored)).toBeGreaterThanOrEqual(3);
      const isOurs = (peers: readonly (readonly [string, number])[] = []): boolean =>
        peers.some(([, port]) => port === 4321);
      await foe.hear(({ event, peers }) => event === "peers" && isOurs(peers), {
        do: "peers",
        hash,
      });
      const { port } = foe.endpoint;
      // Said again now and then: a libtorrent that is busy with its first lookup may drop it.
      let polls = 0;
      await until("their announce", async () => {
        if (polls++ % 40 === 0) foe.tell({ do: "announce", hash, port });
        const found = await peersOf(other);
        return found.some((peer) => peer.port === port) ? true : undefined;
      });
    });

    it("exchanges immutable items with us", async () => {
      const { foreign, ours } = await network(kind, family);
      const [foe, third] = foreign as [ForeignNode, ForeignNode];
      const [mine, other] = ours as [DhtNode, DhtNode];
      const { target } = await mine.put("ours");
      const command = { do: "get", target: toHex(target) };
      const heard = ({ event, value }: { event: string; value?: string | null }): boolean =>
        event === "item" && value === "ours";
      await third.hear(heard, command);
      const put = await foe.hear(({ event }) => event === "put", { do: "put", value: "theirs" });
      const theirs = Uint8Array.from(Buffer.from(put.target ?? "", "hex"));
      const value = await until("their item", () => other.get(theirs));
      expect(Buffer.from(value as Uint8Array).toString()).toBe("theirs");
    });
  });
}

describe.each(["libtorrent", "bittorrent-dht"] as const)("mutable items of %s", (kind) => {
  it("are found by us, and ours by it", async () => {
    const { foreign, ours } = await network(kind, 4);
    const [foe, third] = foreign as [ForeignNode, ForeignNode];
    const [mine, other] = ours as [DhtNode, DhtNode];
    const signer = nodeSigner(new Uint8Array(32).fill(9));
    const key = toHex(signer.publicKey);
    const salt = new TextEncoder().encode("salty");
    const { seq } = await mine.putMutable({ signer, salt, value: "ours" });
    expect(seq).toBe(1n);
    await third.hear(({ event, value }) => event === "mutable" && value === "ours", {
      do: "getMutable",
      key,
      salt: "salty",
    });
    const put = { do: "putMutable", key, salt: "salty", value: "theirs" };
    await foe.hear(({ event }) => event === "stored", { ...put, seed: toHex(signer.seed) });
    const found = await until("their version", async () => {
      const item = await other.getMutable(signer.publicKey, { salt });
      return item !== undefined && item.seq > 1n ? item : undefined;
    });
    expect(Buffer.from(found.value as Uint8Array).toString()).toBe("theirs");
  });
});
