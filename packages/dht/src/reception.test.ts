// What strangers get for what they send.
import { type BencodeDict, type BencodeInput, decodeDict, encode } from "@shoal/bencode";
import type { Endpoint, PeerFeed, SwarmFacts } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { addressOf, SimNetwork } from "../testing/network.ts";
import { portableCrypto, portableSigner } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { immutableTarget, mutableTarget, signedBytes } from "./item.ts";
import { encodeQuery, type KrpcValues } from "./krpc.ts";
import type { DhtOptions } from "./options.ts";
import { createDhtSource } from "./source.ts";

const HASH = new Uint8Array(20).fill(1);
const NO_SALT = new Uint8Array(0);
const ID = new Uint8Array(20).fill(2);

/** A node, and strangers who send it queries. */
function desk(options: Partial<DhtOptions> = {}) {
  const net = new SimNetwork(1);
  const at: Endpoint = { address: addressOf(0), port: 6881 };
  const node = new DhtNode(net.host(), {
    sockets: [net.socket(at)],
    queriesPerSecond: 1000,
    ...options,
  });
  const stranger = (index: number) => {
    const socket = net.socket({ address: addressOf(index), port: 5000 });
    const heard: BencodeDict[] = [];
    const sizes: number[] = [];
    socket.attach((bytes) => {
      const message = decodeDict(bytes);
      if (message.text("y") === "q") return;
      heard.push(message);
      sizes.push(bytes.length);
    });
    const tell = (method: string, args: KrpcValues): void =>
      socket.send(encodeQuery(Uint8Array.of(1, 2), method, { id: ID, ...args }, false), at);
    const ask = async (method: string, args: KrpcValues): Promise<BencodeDict | undefined> => {
      heard.length = 0;
      tell(method, args);
      await net.run(() => heard.length > 0, 2000);
      return heard[0];
    };
    return { tell, ask, heard, sizes };
  };
  return { net, node, stranger };
}

const codeOf = (message: BencodeDict | undefined): BencodeInput | undefined =>
  message?.list("e")?.[0];

describe("the server", () => {
  it("takes announces with a token of the same address and torrent only", async () => {
    const { node, stranger } = desk();
    const one = stranger(1);
    const reply = await one.ask("get_peers", { info_hash: HASH });
    const token = reply?.dict("r")?.bytes("token")?.slice();
    const args = { info_hash: HASH, port: 7000, token };
    expect(codeOf(await stranger(2).ask("announce_peer", args))).toBe(203);
    expect(codeOf(await one.ask("announce_peer", { ...args, info_hash: ID }))).toBe(203);
    expect(codeOf(await one.ask("announce_peer", { ...args, port: 0 }))).toBe(203);
    expect((await one.ask("announce_peer", args))?.text("y")).toBe("r");
    expect(node.stats()).toMatchObject({ torrents: 1, peers: 1 });
    const told = await stranger(2).ask("get_peers", { info_hash: HASH });
    expect(told?.dict("r")?.list("values")).toEqual([
      Uint8Array.of(12, 0, 0, 1, 7000 >> 8, 7000 & 255),
    ]);
  });

  it("lets a token lapse after ten minutes", async () => {
    const { net, stranger } = desk();
    const one = stranger(1);
    const reply = await one.ask("get_peers", { info_hash: HASH });
    const token = reply?.dict("r")?.bytes("token")?.slice();
    await net.advance(11 * 60_000);
    const args = { info_hash: HASH, port: 7000, token };
    expect(codeOf(await one.ask("announce_peer", args))).toBe(203);
  });

  it("answers bad items by the errors of BEP 44", async () => {
    const { stranger } = desk();
    const one = stranger(1);
    const signer = portableSigner(new Uint8Array(32).fill(3));
    const put = async (
      seq: number,
      more: { v?: BencodeInput } & KrpcValues = {},
    ): Promise<unknown> => {
      const { v = "value" } = more;
      const target = mutableTarget(portableCrypto, signer.publicKey, NO_SALT);
      const reply = await one.ask("get", { target });
      const token = reply?.dict("r")?.bytes("token")?.slice();
      const sig = await signer.sign(signedBytes(encode(v), NO_SALT, BigInt(seq)));
      const args = { k: signer.publicKey, v, seq, sig, token, ...more };
      const answer = await one.ask("put", args);
      return codeOf(answer) ?? answer?.text("y");
    };
    expect(await put(5)).toBe("r");
    expect(await put(5)).toBe("r");
    expect(await put(4)).toBe(302);
    expect(await put(5, { v: "other" })).toBe(302);
    expect(await put(6, { cas: 4 })).toBe(301);
    expect(await put(6, { cas: 5 })).toBe("r");
    expect(await put(7, { sig: new Uint8Array(64) })).toBe(206);
    expect(await put(7, { v: new Uint8Array(1001) })).toBe(205);
    expect(await put(7, { salt: new Uint8Array(65) })).toBe(207);
    expect(await put(7, { token: "no" })).toBe(203);
  });

  it("ignores who asks too often, and nobody else", async () => {
    const { net, stranger, node } = desk({ queriesPerSecond: 5 });
    const flood = stranger(1);
    for (let i = 0; i < 200; i++) flood.tell("ping", {});
    await net.advance(1000);
    expect(flood.heard.length).toBe(50);
    expect(node.stats().queriesIgnored).toBe(150);
    expect((await stranger(2).ask("ping", {}))?.text("y")).toBe("r");
    await net.advance(301_000);
    expect((await flood.ask("ping", {}))?.text("y")).toBe("r");
  });

  it("amplifies little for addresses that may be forged", async () => {
    const { net, stranger } = desk();
    const owner = stranger(1);
    const v = new Uint8Array(900);
    const place = immutableTarget(portableCrypto, encode(v));
    const token = (await owner.ask("get", { target: place }))?.dict("r")?.bytes("token")?.slice();
    expect((await owner.ask("put", { v, token }))?.text("y")).toBe("r");
    const forged = stranger(2);
    for (let i = 0; i < 50; i++) forged.tell("get", { target: place });
    await net.advance(1000);
    const total = forged.sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThan(50 * 5 * 80 + 6000);
    expect(Math.max(...forged.sizes)).toBeGreaterThan(900);
  });

  it("answers nobody when it only reads (BEP 43)", async () => {
    const { stranger } = desk({ readOnly: true });
    expect(await stranger(1).ask("ping", {})).toBeUndefined();
  });

  it("tells which families are wanted (BEP 32) and who asks (BEP 42)", async () => {
    const { stranger } = desk();
    const reply = await stranger(1).ask("find_node", { target: HASH, want: ["n6"] });
    expect(reply?.dict("r")?.has("nodes")).toBe(false);
    expect(reply?.bytes("ip")?.length).toBe(6);
    expect(codeOf(await stranger(1).ask("find_node", { target: "short" }))).toBe(203);
    expect(codeOf(await stranger(1).ask("dance", {}))).toBe(204);
    expect((await stranger(1).ask("dance", { target: HASH }))?.text("y")).toBe("r");
  });
});

describe("both families", () => {
  it.each([
    ["nodes", addressOf(0), (i: number) => addressOf(i + 1)],
    ["nodes6", "2a00::1", (i: number) => `2a00:${i + 1}::1`],
  ])("reply with eight %s and a token in at most 400 bytes", async (name, address, addressAt) => {
    const net = new SimNetwork(3);
    const at = { address, port: 1 };
    const node = new DhtNode(net.host(), { sockets: [net.socket(at)] });
    for (let i = 0; i < 20; i++) {
      const endpoint = { address: addressAt(i), port: 1 };
      new DhtNode(net.host(), { sockets: [net.socket(endpoint)], bootstrap: [at] });
    }
    await net.advance(20_000);
    expect(node.nodes().length).toBeGreaterThanOrEqual(8);
    const asker = net.socket({ address: addressAt(50), port: 1 });
    const replies: Uint8Array[] = [];
    asker.attach((bytes) => replies.push(bytes));
    asker.send(
      encodeQuery(Uint8Array.of(1, 2), "get_peers", { id: ID, info_hash: HASH }, true),
      at,
    );
    await net.run(() => replies.length > 0, 1000);
    const [reply = new Uint8Array(0)] = replies;
    const values = decodeDict(reply).dict("r");
    expect(values?.bytes(name)).toHaveLength(8 * (name === "nodes" ? 26 : 38));
    expect(values?.bytes("token")).toBeDefined();
    expect(reply.length).toBeLessThanOrEqual(400);
  });

  it("live in one node, and help each other to begin", async () => {
    const net = new SimNetwork(2);
    const make = (i: number, bootstrap: Endpoint[]): DhtNode =>
      new DhtNode(net.host(), {
        sockets: [
          net.socket({ address: addressOf(i), port: 1 }),
          net.socket({ address: `2a00:${i + 1}::1`, port: 1 }),
        ],
        bootstrap,
      });
    const first = { address: addressOf(0), port: 1 };
    const nodes = Array.from({ length: 20 }, (_, i) =>
      make(i, i === 0 ? [] : [first, { address: "2a00:1::1", port: 1 }]),
    );
    // The last knows an IPv4 node only.
    nodes.push(make(20, [first]));
    await net.advance(60_000);
    nodes[3]?.announce(HASH, { port: 99 });
    await net.advance(10_000);
    const found: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { address } of (nodes[20] as DhtNode).lookup(HASH)) found.push(address);
    };
    await net.settle(read());
    expect(found.sort()).toEqual([addressOf(3), "2a00:4::1"].sort());
  });
});

describe("createDhtSource", () => {
  const swarm = (isPrivate: boolean, found: Endpoint[]): SwarmFacts => ({
    infoHash: HASH,
    peerId: ID,
    isPrivate,
    trackers: [],
    transfer: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
    found: (peers) => found.push(...peers),
    warn: () => {},
  });

  it("announces and finds, but never for private torrents", async () => {
    const { net, node, stranger } = desk();
    const one = stranger(1);
    const token = (await one.ask("get_peers", { info_hash: HASH }))?.dict("r")?.bytes("token");
    await one.ask("announce_peer", { info_hash: HASH, port: 7000, token: token?.slice() });
    const found: Endpoint[] = [];
    const source = createDhtSource(node, { listenPort: () => 6881 });
    const hidden: PeerFeed = source.open(swarm(true, found));
    await net.advance(5000);
    expect(node.stats().announcements).toBe(0);
    source.open(swarm(false, found));
    await net.advance(5000);
    expect(node.stats().announcements).toBe(1);
    // Told again by each of the tries that no node answers.
    expect(found).toContainEqual({ address: addressOf(1), port: 7000 });
    await hidden.close(AbortSignal.abort());
    await source.close();
    expect(node.stats().announcements).toBe(0);
  });
});
