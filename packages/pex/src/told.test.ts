import { type Endpoint, formatEndpoint, peerPriority } from "@shoal/core";
import { describe, expect, it } from "vitest";
import type { Member } from "./roster.ts";
import { Told } from "./told.ts";

const LISTENER = { id: 0, endpoint: { address: "203.0.113.7", port: 1 } };

describe("Told", () => {
  it("tells what changed since the last time, and nothing twice", () => {
    const told = new Told();
    expect(told.next(LISTENER, members(1, 2))).toMatchObject({
      added: [peer(1), peer(2)],
      dropped: [],
    });
    expect(told.next(LISTENER, members(1, 2))).toBeUndefined();
    expect(told.next(LISTENER, members(2, 3))).toMatchObject({
      added: [peer(3)],
      dropped: [peer(1)],
    });
    expect(told.next(LISTENER, members())).toMatchObject({ dropped: [peer(2), peer(3)] });
    expect(told.next(LISTENER, members())).toBeUndefined();
  });

  it("does not mention who came back in between, on whatever connection", () => {
    const told = new Told();
    told.next(LISTENER, members(1));
    const again = members(1);
    for (const [key, member] of again) again.set(key, { ...member, id: 99 });
    expect(told.next(LISTENER, again)).toBeUndefined();
  });

  it("does not tell a peer of itself, nor a public one of local ones", () => {
    const told = new Told();
    const self = { ...LISTENER, id: 1 };
    const local = { address: "10.0.0.1", port: 5 };
    const all = members(1);
    all.set(formatEndpoint(local), { ...local, id: 2, key: formatEndpoint(local), flags: 0 });
    expect(told.next(self, all)).toBeUndefined();
  });

  it("tells 50 at once, those first that have the highest priority for the listener", () => {
    const told = new Told();
    const all = members(...Array.from({ length: 120 }, (_, i) => i + 1));
    const sizes: number[] = [];
    const order: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const added = told.next(LISTENER, all)?.added ?? [];
      sizes.push(added.length);
      order.push(...[...added].map((one) => peerPriority(LISTENER.endpoint, one)));
    }
    expect(sizes).toEqual([50, 50, 20]);
    const best = [...order].sort((a, b) => b - a);
    expect(order.slice(0, 100)).toEqual(best.slice(0, 100));

    expect(told.next(LISTENER, members())?.dropped).toHaveLength(50);
    expect(told.next(LISTENER, members())?.dropped).toHaveLength(50);
    expect(told.next(LISTENER, members())?.dropped).toHaveLength(20);
    expect(told.next(LISTENER, members())).toBeUndefined();
  });
});

function peer(n: number): Endpoint {
  return { address: `198.51.${n}.${255 - n}`, port: 6881 };
}

function members(...numbers: number[]): Map<string, Member> {
  return new Map(
    numbers.map((n) => {
      const key = formatEndpoint(peer(n));
      return [key, { ...peer(n), id: n, key, flags: 0 }];
    }),
  );
}
