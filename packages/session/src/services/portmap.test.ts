// Port mapping of a session at a gateway in memory: from the right address, given back in time.
import { setImmediate as turn } from "node:timers/promises";
import { type Datagrams, Deadlines, type Endpoint } from "@shoal/core";
import { decodePcpMap } from "@shoal/portmap";
import { describe, expect, it } from "vitest";
import type { Attendant } from "../init.ts";
import { portMappingService } from "./portmap.ts";

const ROUTER = { address: "192.168.1.1", port: 5351 };
const gateways = [
  { address: ROUTER.address, local: "192.168.1.5" },
  { address: ROUTER.address, local: "192.168.1.6" },
];

class World {
  now = 0;
  isDead = false;
  readonly deadlines: Deadlines = new Deadlines();
  /** Requests: from which address, for what, and whether it is a deletion. */
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly service: Attendant;

  constructor(allowed: readonly string[]) {
    this.service = portMappingService(
      {
        udp: async (at) => this.#socket(at),
        tcp: {
          kind: "tcp",
          dial: () => Promise.reject(new Error("nobody there")),
          listen: () => Promise.reject(new Error("not to be asked")),
        },
        allows: (address) => allowed.includes(address),
      },
      async () => gateways,
    )({
      clock: { now: () => this.now },
      deadlines: this.deadlines,
      entropy: (bytes) => new Uint8Array(bytes),
      mapped: ({ protocol, externalPort }) => this.told.push(`${protocol} ${externalPort}`),
      warn: ({ message }) => this.told.push(message),
    });
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await turn();
  }

  #socket(at: 4 | 6 | Endpoint): Datagrams {
    const local = typeof at === "object" ? at : { address: "", port: 0 };
    let receive: ((bytes: Uint8Array, from: Endpoint) => void) | undefined;
    return {
      local,
      attach: (receiver) => {
        receive = receiver;
      },
      send: (request) => {
        // An answer repeats its request, but for the head.
        const answer = Uint8Array.from(request).fill(0, 8, 24);
        answer[1] = 0x81;
        const { protocol, lifetime } = Object(decodePcpMap(answer));
        this.asked.push(`${local.address} ${protocol} ${lifetime}`);
        if (!this.isDead) queueMicrotask(() => receive?.(answer, ROUTER));
      },
      close: async () => {},
    };
  }
}

describe("port mapping of a session", () => {
  it("maps TCP and UDP from the addresses that the network allows, and gives back", async () => {
    const world = new World(["192.168.1.6"]);
    world.service.listening(6881);
    await world.settle();
    expect(world.asked).toEqual(["192.168.1.6 tcp 3600", "192.168.1.6 udp 3600"]);
    expect(world.told).toEqual(["tcp 6881", "udp 6881"]);
    await world.service.close();
    expect(world.asked.slice(2)).toEqual(["192.168.1.6 tcp 0", "192.168.1.6 udp 0"]);
    expect(world.deadlines.size).toBe(0);
  });

  it("sends nothing where the network allows no address on the way", async () => {
    const world = new World(["127.0.0.1"]);
    world.service.listening(6881);
    await world.settle();
    await world.service.close();
    expect(world.asked).toEqual([]);
    expect(world.told).toEqual([]);
  });

  it("closes within three seconds though the gateway is gone", async () => {
    const world = new World(["192.168.1.5"]);
    world.service.listening(6881);
    await world.settle();
    world.isDead = true;
    const closing = world.service.close();
    await world.settle();
    world.now = 2999;
    world.deadlines.advance(world.now);
    await world.settle();
    expect(world.deadlines.size).toBeGreaterThan(0);
    world.now = 3000;
    world.deadlines.advance(world.now);
    await closing;
    expect(world.deadlines.size).toBe(0);
  });
});
