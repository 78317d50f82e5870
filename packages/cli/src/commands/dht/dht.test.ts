// The DHT commands against a small network of real nodes on loopback.
import { readFileSync, statSync } from "node:fs";
import { formatEndpoint, fromHex, toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import { createDht, nodeSigner } from "@shoal/dht/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Running, Shop } from "../../../testing/shop.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const UNKNOWN = "ff".repeat(20);

const network: DhtNode[] = [];
let shop: Shop;
beforeAll(async () => {
  for (let i = 0; i < 4; i++) {
    const bootstrap = network.slice(0, 1).flatMap(({ addresses }) => addresses);
    // All commands come from one address: too often, for one.
    const queriesPerSecond = Number.POSITIVE_INFINITY;
    network.push(await createDht({ addresses: ["127.0.0.1"], bootstrap, queriesPerSecond }));
  }
});
afterAll(() => Promise.all(network.map((node) => node.close())));
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

/** `shoal dht …` within the network. */
function dht(...args: string[]) {
  const bootstrap = network.flatMap(({ addresses }) => addresses.map(formatEndpoint));
  const options = bootstrap.flatMap((node) => ["--bootstrap", node]);
  return shop.shoal("dht", ...args, ...options, "-4");
}

function announcedTo(node: DhtNode | undefined, infoHash: string, port: number): Promise<number> {
  return new Promise((resolve) => {
    const announcement = node?.announce(fromHex(infoHash) ?? new Uint8Array(), {
      port,
      announced: (stored) => {
        if (stored === 0) return;
        announcement?.close();
        resolve(stored);
      },
    });
  });
}

describe("dht peers", () => {
  it("prints peers, of an info-hash or a magnet link", async () => {
    await announcedTo(network[1], HASH, 4321);
    const human = await dht("peers", HASH);
    expect(human).toMatchObject({ code: 0, err: "" });
    expect(human.out).toBe("127.0.0.1:4321\nfound 1 peer\n");
    const { code, lines } = await dht("peers", `magnet:?xt=urn:btih:${HASH}`, "--json");
    expect(code).toBe(0);
    expect(lines).toEqual([
      { event: "peer", address: "127.0.0.1", port: 4321 },
      { event: "peers", infoHash: HASH, count: 1 },
    ]);
  });

  it("takes the first 20 bytes of a v2 info-hash", async () => {
    const v2 = HASH + "00".repeat(12);
    await announcedTo(network[1], HASH, 4321);
    const { lines } = await dht("peers", `magnet:?xt=urn:btmh:1220${v2}`, "--json");
    expect(lines.at(-1)).toMatchObject({ event: "peers", infoHash: HASH });
  });

  it("fails if there are none", async () => {
    const { code, lines } = await dht("peers", UNKNOWN, "--json");
    expect(code).toBe(1);
    expect(lines).toMatchObject([{ event: "error", code: "ERR_CLI_NOT_FOUND" }]);
  });
});

it("dht announce tells nodes of a peer", async () => {
  const infoHash = "aa".repeat(20);
  const { code, lines } = await dht("announce", infoHash, "--port", "1234", "--json");
  expect(code).toBe(0);
  expect(lines).toEqual([{ event: "announced", infoHash, port: 1234, nodes: 4 }]);
  expect((await dht("peers", infoHash)).out).toContain("127.0.0.1:1234\n");
  const human = await dht("announce", infoHash, "--port", "1234");
  expect(human.out).toBe("announced port 1234 to 4 nodes\n");
});

describe("dht put and get", () => {
  it("store and find a text", async () => {
    const { code, out } = await dht("put", "Hello World!");
    expect(code).toBe(0);
    // The vector of BEP 44.
    expect(out).toBe("stored with 4 nodes\ntarget e5f96f6f38320f0f33959cb4d3d656452117aadb\n");
    const found = await dht("get", "e5f96f6f38320f0f33959cb4d3d656452117aadb");
    expect(found).toMatchObject({ code: 0, out: "Hello World!\n", err: "" });
  });

  it("store and find a file of any bytes", async () => {
    const bytes = Uint8Array.from({ length: 996 }, (_, i) => i);
    const file = shop.write("small.bin", bytes);
    const stored = await dht("put", "--file", file, "--json");
    expect(stored.code).toBe(0);
    const [{ target }] = stored.lines as unknown as [{ target: string }];
    const to = shop.path("copy.bin");
    const { lines } = await dht("get", target, "-o", to, "--json");
    expect(readFileSync(to)).toEqual(Buffer.from(bytes));
    const bencoded = toHex(new TextEncoder().encode("996:")) + toHex(bytes);
    expect(lines).toEqual([{ event: "item", target, bencoded }]);
  });

  it("keep versions of what has a key, which is made for its owner alone", async () => {
    const key = shop.path("me.key");
    const first = await dht("put", "one", "--key", key, "--salt", "blog", "--json");
    expect(first.code).toBe(0);
    if (process.platform !== "win32") expect(statSync(key).mode & 0o777).toBe(0o600);
    const { publicKey } = nodeSigner(fromHex(readFileSync(key, "latin1").trim()));
    expect(first.lines).toMatchObject([
      { event: "stored", publicKey: toHex(publicKey), salt: "blog", seq: "1", nodes: 4 },
    ]);
    const second = await dht("put", "two", "--key", key, "--salt", "blog", "--seq", "7");
    expect(second.out).toMatch(
      /^stored version 7 with 4 nodes\npublic key [0-9a-f]{64}\nsalt blog\n$/,
    );
    const stale = await dht("put", "three", "--key", key, "--salt", "blog", "--seq", "6", "--json");
    expect(stale.code).toBe(1);
    expect(stale.lines).toMatchObject([{ event: "error", code: "ERR_DHT_NOT_STORED" }]);
    const byName = await dht("get", toHex(publicKey), "--salt", "blog");
    expect(byName).toMatchObject({ code: 0, out: "version 7\ntwo\n" });
    const byKey = await dht("get", "--key", key, "--salt", "blog", "--json");
    expect(byKey.lines).toMatchObject([
      { event: "item", publicKey: toHex(publicKey), salt: "blog", seq: "7", text: "two" },
    ]);
    const other = await dht("get", "--key", key, "--json");
    expect(other.lines).toMatchObject([{ event: "error", code: "ERR_CLI_NOT_FOUND" }]);
  });

  it("name the torrent that an item names", async () => {
    const signer = nodeSigner();
    await network[0]?.putMutable({ signer, value: { ih: fromHex(HASH) ?? new Uint8Array() } });
    const { out } = await dht("get", toHex(signer.publicKey));
    expect(out).toBe(
      `version 1\ntorrent ${HASH}\nbencoded ${toHex(new TextEncoder().encode("d2:ih20:"))}${HASH}65\n`,
    );
  });

  it("refuse what is too large, and keys that are none", async () => {
    const large = shop.write("large.bin", new Uint8Array(997));
    expect((await dht("put", "--file", large, "--json")).lines).toMatchObject([
      { event: "error", code: "ERR_CLI_TOO_LARGE" },
    ]);
    const junk = shop.write("junk.key", "junk");
    expect((await dht("put", "x", "--key", junk, "--json")).lines).toMatchObject([
      { event: "error", code: "ERR_CLI_KEY" },
    ]);
    const nowhere = shop.path("nowhere.key");
    expect((await dht("get", "--key", nowhere, "--json")).lines).toMatchObject([
      { event: "error", code: "ENOENT" },
    ]);
  });
});

it("dht sample lists info-hashes", async () => {
  for (const digit of ["b", "c", "d"]) await announcedTo(network[2], digit.repeat(40), 1);
  const { code, lines } = await dht("sample", "--json");
  expect(code).toBe(0);
  const found = (lines as unknown as { infoHash: string }[]).map(({ infoHash }) => infoHash);
  expect(found).toEqual(expect.arrayContaining(["b".repeat(40), "c".repeat(40), "d".repeat(40)]));
  expect(lines[0]).toMatchObject({ event: "sample", address: "127.0.0.1" });
  const { out } = await dht("sample", "--count", "2");
  expect(out).toMatch(/^([0-9a-f]{40} {2}at 127\.0\.0\.1:\d+\n){2}$/);
});

describe("dht node", () => {
  it("runs and tells how it goes until Ctrl-C", async () => {
    const [first] = network.flatMap(({ addresses }) => addresses.map(formatEndpoint));
    const running = shop.start("dht", "node", "-4", "--bootstrap", first ?? "", "--json");
    const line = await running.line("node");
    expect(line).toMatchObject({
      addresses: [expect.stringMatching(/^0\.0\.0\.0:\d+$/)],
      ids: [expect.stringMatching(/^[0-9a-f]{40}$/)],
    });
    const port = Number(/\d+$/.exec(Object(line).addresses[0])?.[0]);
    const found = await shop.shoal("dht", "put", "x", "-4", "--bootstrap", `127.0.0.1:${port}`);
    expect(found.code).toBe(0);
    expect(await running.leave()).toBe(0);
    expect(running.lines.filter(({ event }) => event === "dht").at(-1)).toMatchObject({
      items: 1,
      nodes: expect.any(Number),
      queriesAnswered: expect.any(Number),
    });
  });

  it("runs as long as it is told, in lines for people", async () => {
    const { code, out } = await dht("node", "--timeout", "0.2");
    expect(code).toBe(0);
    expect(out).toMatch(/^listening at 0\.0\.0\.0:\d+ as [0-9a-f]{40}\n/);
    expect(out).toMatch(/\d nodes? {2}.*queries .*keeps 0 peers of 0 torrents, 0 items/);
  });
});

describe("what goes wrong", () => {
  it("is said when no node answers", async () => {
    const silent = ["--bootstrap", "127.0.0.1:9", "-4", "--timeout", "0.3", "--json"];
    const { code, lines } = await shop.shoal("dht", "peers", HASH, ...silent);
    expect(code).toBe(1);
    expect(lines).toMatchObject([{ event: "error", code: "ERR_CLI_NO_NODE" }]);
  });

  it("is said when a node's name has no address", async () => {
    const { code, err } = await shop.shoal("dht", "sample", "--bootstrap", "nowhere.invalid:1");
    expect(code).toBe(1);
    expect(err).toContain("no address is known for the DHT node 'nowhere.invalid'");
  });

  it("leaves at Ctrl-C", async () => {
    const running = shop.start("dht", "peers", HASH, "--bootstrap", "127.0.0.1:9", "-4");
    expect(await running.leave()).toBe(130);
  });

  it.each([
    [["dht"], "expected 'shoal dht' with peers"],
    [["dht", "frobnicate", "x"], "got 'frobnicate'"],
    [["dht", "peers"], "missing required argument"],
    [["dht", "peers", "abc"], "expected an info-hash"],
    [["dht", "peers", HASH, "--bootstrap", "x"], "expected a DHT node as HOST:PORT"],
    [["dht", "peers", HASH, "--timeout", "-1"], "expected a number of seconds"],
    [["dht", "peers", HASH, "--bootstrap", "127.0.0.1:1", "-4", "-6"], "exclude each other"],
    [["dht", "announce", HASH], "required option '--port <n>'"],
    [["dht", "announce", HASH, "--port", "0"], "expected a port of 1–65535"],
    [["dht", "put"], "either a text or --file"],
    [["dht", "put", "x", "--file", "y"], "either a text or --file"],
    [["dht", "put", "x", "--salt", "y"], "need --key"],
    [
      ["dht", "put", "x", "--key", "k", "--seq", "9223372036854775808"],
      "expected a version number",
    ],
    [["dht", "get"], "say which item"],
    [["dht", "get", "abc"], "expected a target of 40 hex digits"],
    [["dht", "get", HASH, "--salt", "x"], "--salt is for mutable items"],
    [["dht", "sample", "--count", "0"], "expected a whole number"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, out, err } = await shop.shoal(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err.trimEnd()).not.toContain("\n");
  });

  it.each(["peers", "announce", "put", "get", "sample", "node"])("%s has help", async (command) => {
    const { code, out } = await shop.shoal("dht", command, "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: shoal dht ${command}`);
    expect(out).toContain("--bootstrap <host:port>");
  });
});

it("download and seed find each other by the DHT, and keep the nodes that they met", async () => {
  const [first = ""] = network.flatMap(({ addresses }) => addresses.map(formatEndpoint));
  const state = { XDG_STATE_HOME: shop.path("state") };
  const torrent = await shop.torrent();
  const options = ["--port", "0", "--dht-bootstrap", first, "--json"];
  const seeding = new Running(["seed", torrent, "--data", shop.path("seed"), ...options], state);
  const announced = network[0]?.once("announced");
  const { infoHash = "" } = await seeding.line("ready");
  expect(toHex((await announced)?.infoHash ?? new Uint8Array())).toBe(infoHash);
  const leeching = new Running(["download", torrent, "-o", shop.path("out"), ...options], state);
  expect(await leeching.code).toBe(0);
  expect(shop.read("out")).toEqual(shop.read("seed"));
  expect(await seeding.leave()).toBe(0);
  if (process.platform === "win32") return;
  expect(statSync(shop.path("state", "shoal", "dht.state")).size).toBeGreaterThan(0);
});
