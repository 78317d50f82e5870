import { randomBytes } from "node:crypto";
import type { Endpoint, PeerSource, SwarmFacts } from "@shoal/core";
import { createNetwork, type MulticastInterface } from "@shoal/net";
import { afterEach, describe, expect, it } from "vitest";
import { chooseInterfaces, lsdService } from "./lsd.ts";
import { nodeRuntime } from "./runtime.ts";

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("lsdService", () => {
  it("lets clients on one machine find each other, though bound to loopback", async () => {
    const infoHash = randomBytes(20);
    const found = await Promise.all([7001, 7002].map((port) => discover(start(port), infoHash)));
    expect(found).toEqual([
      { address: "127.0.0.1", port: 7002 },
      { address: "127.0.0.1", port: 7001 },
    ]);
  });

  it("leaves nothing open", async () => {
    const source = start(7003);
    void discover(source, randomBytes(20));
    await source.close();
    await source.close();
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.getActiveResourcesInfo()).not.toContain("UDPWrap");
  });
});

describe("chooseInterfaces", () => {
  const all = [
    at("lo", "127.0.0.1"),
    at("lo", "::1"),
    at("eth0", "192.0.2.2"),
    at("eth0", "192.0.2.3"),
    at("eth0", "fe80::2%eth0"),
    at("eth0", "2001:db8::2"),
    at("wlan0", "fe80::3%wlan0"),
  ];
  const choose = (...from: typeof all): string[] =>
    chooseInterfaces(from).map(({ address }) => address);

  it("takes one address of each family of each interface, and leaves loopback out", () => {
    expect(choose(...all)).toEqual(["192.0.2.2", "2001:db8::2", "fe80::3%wlan0"]);
  });

  it("takes loopback if there is nothing else", () => {
    expect(choose(...all.slice(0, 2))).toEqual(["127.0.0.1", "::1"]);
    expect(choose()).toEqual([]);
  });

  it("takes 16 at most", () => {
    const many = Array.from({ length: 50 }, (_, i) => at(`veth${i}`, `10.0.0.${i}`));
    expect(chooseInterfaces(many)).toHaveLength(16);
  });
});

function start(port: number): PeerSource {
  const runtime = nodeRuntime();
  const service = lsdService(createNetwork({ bind: ["127.0.0.1"] }));
  const source = service({
    ...runtime,
    clientName: "test",
    warn: () => {},
    listenPort: () => port,
  });
  ends.push(
    () => runtime.stop(),
    () => source.close(),
  );
  return source;
}

/** The first peer that is found. */
function discover(source: PeerSource, infoHash: Uint8Array): Promise<Endpoint | undefined> {
  return new Promise((resolve, reject) => {
    const facts: SwarmFacts = {
      infoHash,
      peerId: new Uint8Array(20),
      isPrivate: false,
      trackers: [],
      transfer: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
      found: ([peer]) => resolve(peer),
      warn: reject,
    };
    source.open(facts);
  });
}

function at(name: string, address: string): MulticastInterface {
  const family = address.includes(":") ? 6 : 4;
  return { name, address, family, isLoopback: name === "lo", contains: () => false };
}
