import { createRng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf } from "../testing/network.ts";
import { type Contact, decodeContacts } from "./contact.ts";
import { compareDistance, divergeAt, sharedPrefix } from "./node-id.ts";
import { K, RoutingTable } from "./routing-table.ts";
import { secureId } from "./secure-id.ts";

const rng = createRng(3);
const LOCAL = new Uint8Array(20);
const noise = (): Uint8Array => Uint8Array.from({ length: 20 }, () => randomInt(rng, 256));

let next = 0;
/** A node in bucket `bucket` at an address of its own. */
function contact(bucket = 0, address = addressOf(next++)): Contact {
  return { id: divergeAt(LOCAL, bucket, noise()), endpoint: { address, port: 1 } };
}

function filled(count: number, bucket = 0): { table: RoutingTable; contacts: Contact[] } {
  const table = new RoutingTable(LOCAL, "ignore");
  const contacts = Array.from({ length: count }, () => contact(bucket));
  for (const node of contacts) table.answered(node, 50, 0);
  return { table, contacts };
}

describe("RoutingTable", () => {
  it("finds the closest nodes as a search through all of them does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (target) => {
        const table = new RoutingTable(noise(), "ignore");
        for (let i = 0; i < 200; i++) {
          const endpoint = { address: addressOf(i), port: 1 };
          table.answered({ id: noise(), endpoint }, 50, 0);
        }
        const all = table.buckets().flat();
        expect(all.length).toBe(table.size);
        const sorted = all.toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, K);
        expect(table.closest(target, K)).toEqual(sorted);
        for (const [i, leaf] of table.buckets().entries()) {
          expect(leaf.length).toBeLessThanOrEqual(K);
          for (const { id } of leaf) {
            expect(sharedPrefix(table.localId, id)).toBeGreaterThanOrEqual(i);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it("holds more nodes in the farthest buckets if it is extended", () => {
    const table = new RoutingTable(LOCAL, "ignore", true);
    const contacts = Array.from({ length: 3000 }, (_, i) => ({
      id: noise(),
      endpoint: { address: addressOf(i), port: 1 },
    }));
    for (const node of contacts) table.answered(node, 50, 0);
    const sizes = table.buckets().map(({ length }) => length);
    expect(sizes.slice(0, 6)).toEqual([128, 64, 32, 16, 8, 8]);
    const all = table.buckets().flat();
    expect(all.length).toBe(table.size);
    for (let i = 0; i < 50; i++) {
      const target = noise();
      const sorted = all.toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, K);
      expect(table.closest(target, K)).toEqual(sorted);
      const listed = decodeContacts(table.closestList(target), 4);
      expect(listed.toSorted((a, b) => compareDistance(target, a.id, b.id))).toEqual(
        sorted.map(({ id, endpoint }) => ({ id, endpoint })),
      );
    }
  });

  it("keeps its lists for replies up to date", () => {
    const { table } = filled(40);
    const target = divergeAt(LOCAL, 0, noise());
    const named = (): string[] =>
      decodeContacts(table.closestList(target), 4).map(({ endpoint }) => endpoint.address);
    const truth = (): string[] => table.closest(target, K).map(({ endpoint }) => endpoint.address);
    for (let i = 0; i < 30; i++) {
      const [node] = table.closest(noise(), 1);
      if (node === undefined) break;
      expect(named().toSorted()).toEqual(truth().toSorted());
      for (let failures = 0; failures < 2; failures++) table.failed(node);
      if (i % 3 === 0) table.answered(contact(), 10, i);
      expect(named().toSorted()).toEqual(truth().toSorted());
    }
  });

  it("keeps one node of an address, and of a network in a bucket", () => {
    const { table } = filled(0);
    table.answered(contact(0, "20.1.1.1"), 50, 0);
    table.answered(contact(0, "20.1.1.2"), 50, 0);
    const other = contact(3, "20.1.1.1");
    table.answered({ ...other, endpoint: { address: "20.1.1.1", port: 2 } }, 50, 0);
    expect(table.size).toBe(1);
  });

  it("drops a node that changes its id", () => {
    const { table, contacts } = filled(3);
    const [liar] = contacts as [Contact];
    table.answered({ id: noise(), endpoint: liar.endpoint }, 50, 0);
    expect(table.size).toBe(2);
  });

  it("lets nobody take the id of a node that answers", () => {
    const { table, contacts } = filled(1);
    const [node] = contacts as [Contact];
    table.answered({ id: node.id, endpoint: { address: "99.1.1.1", port: 1 } }, 50, 0);
    expect(table.buckets().flat()[0]?.endpoint).toEqual(node.endpoint);
  });

  it("replaces who falls silent by who is in reserve", () => {
    const { table, contacts } = filled(K + 4);
    expect(table.size).toBeGreaterThanOrEqual(K);
    const silent = table.buckets().flat()[0] as Contact;
    table.failed(silent);
    expect(table.buckets().flat()).not.toContain(silent);
    expect(table.size).toBe(Math.min(K, contacts.length));
  });

  it("prefers ids that follow from their address, or takes no others", () => {
    const table = new RoutingTable(LOCAL, "prefer");
    for (let i = 0; i < K; i++) table.answered(contact(0), 50, 0);
    let address = addressOf(next++);
    let id = secureId(address, rng);
    while ((id[0] ?? 0) < 0x80) {
      address = addressOf(next++);
      id = secureId(address, rng);
    }
    table.answered({ id, endpoint: { address, port: 1 } }, 500, 0);
    expect(table.closest(id, 1)[0]?.isSecure).toBe(true);
    const strict = new RoutingTable(LOCAL, "enforce");
    strict.answered(contact(0), 50, 0);
    expect(strict.size).toBe(0);
  });

  it("spreads the nodes of a bucket over the ids behind its prefix", () => {
    const { table } = filled(200);
    const slots = new Set(table.buckets()[0]?.map(({ id }) => (id[0] ?? 0) >> 4));
    expect(slots.size).toBeGreaterThanOrEqual(7);
  });
});
