import { concatBytes, type Endpoint, formatEndpoint } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { addressOf, SimNetwork } from "../testing/network.ts";
import { type Contact, encodeContact } from "./contact.ts";
import { portableSigner } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { decodeKrpc, encodeReply } from "./krpc.ts";
import { compareDistance } from "./node-id.ts";
import type { DhtOptions } from "./options.ts";

const PORT = 6881;

async function swarm(size: number, options: Partial<DhtOptions> = {}) {
  const net = new SimNetwork(7);
  const first: Endpoint = { address: addressOf(0), port: PORT };
  const nodes = Array.from({ length: size }, (_, i) => {
    const local = { address: addressOf(i), port: PORT };
    const bootstrap = i === 0 ? [] : [first];
    return new DhtNode(net.host(), { sockets: [net.socket(local)], bootstrap, ...options });
  });
  await net.advance(60_000);
  return { net, nodes, at: (i: number) => nodes[i % nodes.length] as DhtNode };
}

const HASH = new Uint8Array(20).fill(0xab);

describe("DhtNode", () => {
  it("finds peers that others announced", async () => {
    const { net, at } = await swarm(40);
    const stored: number[] = [];
    at(3).announce(HASH, { port: 5000, announced: (count) => stored.push(count) });
    at(4).announce(HASH, { port: 5001, impliedPort: true });
    await net.run(() => stored.length > 0, 60_000);
    await net.advance(5000);
    expect(new Set(stored)).toEqual(new Set([8]));
    const peers: string[] = [];
    const read = async () => {
      for await (const peer of at(20).lookup(HASH)) peers.push(formatEndpoint(peer));
    };
    await net.settle(read());
    expect(peers.sort()).toEqual([`${addressOf(3)}:5000`, `${addressOf(4)}:${PORT}`].sort());
  });

  it("grows into a network where all have one address, as on one machine", async () => {
    const net = new SimNetwork(7);
    const at = (i: number): Endpoint => ({ address: "127.0.0.1", port: PORT + i });
    const nodes = Array.from(
      { length: 30 },
      (_, i) =>
        new DhtNode(net.host(), {
          sockets: [net.socket(at(i))],
          bootstrap: i === 0 ? [] : [at(0)],
        }),
    );
    await net.advance(10_000);
    for (const node of nodes) expect(node.nodes().length).toBeGreaterThanOrEqual(8);
  });

  it("knows all its neighbours within two seconds of its first start", async () => {
    const { net, nodes } = await swarm(100);
    const late = new DhtNode(net.host(), {
      sockets: [net.socket({ address: addressOf(5000), port: PORT })],
      bootstrap: [{ address: addressOf(0), port: PORT }],
    });
    await net.advance(2000);
    const [id = HASH] = late.ids;
    const closest = nodes
      .flatMap(({ ids }) => ids)
      .sort((a, b) => compareDistance(id, a, b))
      .slice(0, 8);
    expect(late.nodes().map((node) => node.id)).toEqual(expect.arrayContaining(closest));
    expect(late.nodes().length).toBeGreaterThanOrEqual(16);
  });

  it("stores and finds items", async () => {
    const { net, at } = await swarm(30);
    const { target, nodes } = await net.settle(at(1).put("Hello World!"));
    expect(nodes).toBe(8);
    const value = await net.settle(at(2).get(target));
    expect(new TextDecoder().decode(value as Uint8Array)).toBe("Hello World!");
    const signer = portableSigner(new Uint8Array(32).fill(5));
    const salt = new Uint8Array([1]);
    const first = await net.settle(at(3).putMutable({ signer, value: { ih: HASH }, salt }));
    const second = await net.settle(at(4).putMutable({ signer, value: { ih: HASH }, salt }));
    expect([first.seq, second.seq]).toEqual([1n, 2n]);
    const found = await net.settle(at(5).getMutable(signer.publicKey, { salt }));
    expect(found?.seq).toBe(2n);
    expect(found?.infoHash).toEqual(HASH);
    const stale = at(3).putMutable({ signer, value: 1, salt, seq: 1n });
    await expect(net.settle(stale)).rejects.toMatchObject({
      code: "ERR_DHT_NOT_STORED",
      remoteCode: 302,
    });
    const mismatch = at(3).putMutable({ signer, value: 1, salt, cas: 1n });
    await expect(net.settle(mismatch)).rejects.toMatchObject({ remoteCode: 301 });
  });

  it("follows an item, and keeps it alive (BEP 46)", async () => {
    const { net, nodes, at } = await swarm(10);
    const signer = portableSigner(new Uint8Array(32).fill(6));
    const publish = (fill: number) =>
      net.settle(at(1).putMutable({ signer, value: { ih: new Uint8Array(20).fill(fill) } }));
    const stop = new AbortController();
    const seen: [bigint, number | undefined][] = [];
    const read = async (): Promise<void> => {
      const options = { intervalMs: 60_000, signal: stop.signal };
      for await (const { seq, infoHash } of at(2).follow(signer.publicKey, options)) {
        seen.push([seq, infoHash?.[0]]);
      }
    };
    const reading = read();
    await publish(1);
    await net.advance(100_000);
    await publish(2);
    await net.advance(100_000);
    expect(seen).toEqual([
      [1n, 1],
      [2n, 2],
    ]);
    // Items lapse after two hours, but not while somebody follows them.
    await net.advance(2.5 * 3_600_000);
    expect(nodes.some((node) => node.stats().items > 0)).toBe(true);
    expect(await net.settle(at(3).getMutable(signer.publicKey))).toMatchObject({ seq: 2n });
    stop.abort();
    await net.settle(reading.catch(() => {}));
    expect(seen).toHaveLength(2);
  });

  it("finds who is near a target although others sit there under ids of their choice", async () => {
    const { net, at } = await swarm(60);
    const allies: Contact[] = Array.from({ length: 20 }, (_, i) => {
      const id = HASH.slice();
      id[19] = i;
      return { id, endpoint: { address: addressOf(1000 + i), port: PORT } };
    });
    const nodes = concatBytes(allies.slice(0, 8).map(encodeContact));
    for (const { id, endpoint } of allies) {
      const socket = net.socket(endpoint);
      socket.attach((bytes, from) => {
        const query = decodeKrpc(bytes);
        if (query?.kind !== "query") return;
        const values = { id, nodes, token: Uint8Array.of(1) };
        socket.send(encodeReply(query.transaction, new Uint8Array(6), values), from);
      });
    }
    for (let i = 0; i < 60; i++) at(i).addNodes(allies);
    await net.advance(60_000);
    const stored = new Promise((announced) => {
      at(3).announce(HASH, { port: 5000, announced });
    });
    expect(await net.settle(stored)).toBe(8);
    const found: number[] = [];
    const read = async (): Promise<void> => {
      for await (const { port } of at(40).lookup(HASH)) found.push(port);
    };
    await net.settle(read());
    expect(found).toEqual([5000]);
  });

  it("estimates swarms and tells the info-hashes that it knows", async () => {
    const { net, nodes, at } = await swarm(40);
    for (const [i, node] of nodes.entries()) {
      if (i < 20) node.announce(HASH, { port: 5000, seed: i < 5 });
    }
    await net.advance(30_000);
    const { seeds, leechers } = await net.settle(at(30).scrape(HASH));
    expect(seeds).toBe(5);
    expect(Math.abs(leechers - 15)).toBeLessThanOrEqual(1);
    const found: Uint8Array[] = [];
    const read = async () => {
      for await (const { infoHash } of at(30).crawl()) found.push(infoHash);
    };
    await net.settle(read());
    expect(found).toEqual([HASH]);
  });

  it("learns its address and takes an id that fits", async () => {
    const { net } = await swarm(60);
    const node = new DhtNode(net.host(), {
      sockets: [net.socket({ address: addressOf(99), port: PORT })],
      bootstrap: [{ address: addressOf(0), port: PORT }],
    });
    await net.advance(10_000);
    expect(node.stats().sites[0]?.external).toBe(addressOf(99));
  });

  it("lives on with what it saved", async () => {
    const { net, at } = await swarm(60);
    const state = at(9).exportState();
    at(30).announce(HASH, { port: 1234 });
    await net.advance(5000);
    const local = { address: addressOf(9), port: PORT };
    await at(9).close();
    const again = new DhtNode(net.host(), { sockets: [net.socket(local)], state });
    expect(again.ids).toEqual(at(9).ids);
    const begun = net.clock.now();
    const { value } = await net.settle(again.lookup(HASH).next());
    expect(value).toEqual({ address: addressOf(30), port: 1234 });
    expect(net.clock.now() - begun).toBeLessThanOrEqual(500);
  });
});
