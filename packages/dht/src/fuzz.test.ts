// Hostile datagrams against a node with state: structured messages, then changed bytes.
import { type BencodeInput, encode } from "@shoal/bencode";
import { createRng, randomInt } from "@shoal/core";
import { expect, it } from "vitest";
import { addressOf, SimNetwork } from "../testing/network.ts";
import { DhtNode } from "./dht-node.ts";
import { MAX_DATAGRAM } from "./krpc.ts";

/** Rounds of 200 datagrams, with a second of the network's time after each; more in CI. */
const { FUZZ_ROUNDS = "50", FUZZ_SEED = "1" } = process.env;
/** So that a hang does not last. */
const TIMEOUT_MS = Number(FUZZ_ROUNDS) * 500 + 60_000;

it(
  "survives hostile datagrams in bounded memory, and never answers at length",
  async () => {
    const seed = Number(FUZZ_SEED);
    const rng = createRng(seed);
    const net = new SimNetwork(seed);
    const victim = { address: addressOf(0), port: 6881 };
    const node = new DhtNode(net.host(), { sockets: [net.socket(victim)], queriesPerSecond: 1e9 });
    const asked: Uint8Array[] = [];
    let longest = 0;
    const hosts = Array.from({ length: 50 }, (_, i) => {
      const socket = net.socket({ address: addressOf(i + 1), port: 6881 });
      socket.attach((bytes) => {
        longest = Math.max(longest, bytes.length);
        asked.push(bytes);
        if (asked.length > 50) asked.shift();
      });
      return socket;
    });
    const bytes = (length: number): Uint8Array =>
      Uint8Array.from({ length }, () => randomInt(rng, 256));
    const some = <T>(items: readonly T[]): T => items[randomInt(rng, items.length)] as T;
    const value = (depth: number): BencodeInput => {
      const kind = randomInt(rng, depth > 12 ? 3 : 6);
      if (kind === 0) return some([0, 1, -1, 65_536, Number.MAX_SAFE_INTEGER]);
      if (kind === 1) return some([2n ** 63n - 1n, -(2n ** 63n)]);
      if (kind === 2) return bytes(some([0, 1, 6, 18, 20, 26, 32, 38, 64, 256, 1001]));
      if (kind === 3) return Array.from({ length: randomInt(rng, 4) }, () => value(depth + 1));
      return new Map(
        Array.from({ length: randomInt(rng, 4) }, () => [some(KEYS), value(depth + 1)]),
      );
    };
    const args = (): Map<string, BencodeInput> => {
      const made = new Map<string, BencodeInput>();
      for (const key of KEYS) if (rng() < 0.3) made.set(key, some([bytes(20), value(0)]));
      return made.set("id", bytes(rng() < 0.9 ? 20 : 19));
    };
    const message = (): Uint8Array => {
      if (asked.length > 0 && rng() < 0.2) return some(asked);
      const t = bytes(some([0, 1, 2, 4, 20, 300]));
      const y = some(["q", "r", "e", "q", "q", "x", value(0)]);
      return encode({ a: args(), e: value(0), q: some(METHODS), r: args(), ro: 1, t, y });
    };
    for (let round = Number(FUZZ_ROUNDS); round > 0; round--) {
      for (let i = 0; i < 200; i++) {
        const datagram = message();
        for (let n = randomInt(rng, 4); n > 0 && rng() < 0.5; n--) {
          datagram[randomInt(rng, datagram.length)] = randomInt(rng, 256);
        }
        some(hosts).send(datagram.subarray(0, rng() < 0.9 ? undefined : 30), victim);
      }
      await net.advance(1000);
    }
    expect(longest).toBeLessThanOrEqual(MAX_DATAGRAM);
    const stats = node.stats();
    expect(stats.queriesAnswered).toBeGreaterThan(100);
    expect(stats.torrents).toBeLessThanOrEqual(2000);
    expect(node.nodes().length).toBeLessThanOrEqual(50);
    await node.close();
  },
  TIMEOUT_MS,
);

const METHODS: readonly BencodeInput[] = [
  "ping",
  "find_node",
  "get_peers",
  "announce_peer",
  "get",
  "put",
  "sample_infohashes",
  "vote",
  7,
];
const KEYS: readonly string[] = [
  "id",
  "target",
  "info_hash",
  "token",
  "port",
  "implied_port",
  "seed",
  "noseed",
  "scrape",
  "want",
  "v",
  "k",
  "sig",
  "salt",
  "seq",
  "cas",
  "nodes",
  "nodes6",
  "values",
  "__proto__",
];
