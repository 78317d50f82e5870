import { formatEndpoint } from "@shoal/core";
import { extensionCompliance } from "@shoal/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type End, type Node, type NodeOptions, Swarm } from "../testing/swarm.ts";
import { encodePex, PexFlag } from "./message.ts";
import { pexExtension } from "./pex.ts";

const MINUTE = 60_000;
const OWN_ID = 2;

describe("pexExtension", () => {
  it("introduces the ends of a chain within a second", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(1000);
    expect(a.found).toEqual([{ ...c.endpoint, uploadOnly: true, encrypted: false, utp: false }]);
    expect(c.found.map(formatEndpoint)).toEqual([formatEndpoint(a.endpoint)]);
    expect(b.found).toEqual([]);
    const flags = a.endTo(b)?.heard[0]?.message.added[0]?.flags;
    expect(flags).toBe(PexFlag.UploadOnly | PexFlag.Reachable);
  });

  it("tells of later comers at once if the last message is a minute old, else when it is", () => {
    const { swarm, a, b } = chain();
    swarm.pass(10_000);
    swarm.connect(swarm.add(), b);
    swarm.pass(49_000);
    expect(a.found).toHaveLength(1);
    swarm.pass(2000);
    expect(a.found).toHaveLength(2);
    swarm.pass(5 * MINUTE);
    swarm.connect(swarm.add(), b);
    swarm.pass(1000);
    expect(a.found).toHaveLength(3);
  });

  it("tells of those who went", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(1000);
    swarm.disconnect(b, c);
    swarm.pass(MINUTE);
    expect(a.endTo(b)?.heard.at(-1)?.message.dropped).toEqual([c.endpoint]);
    expect(a.endTo(b)?.picture).toEqual(new Set());
  });

  it("tells of an end at once too, if the last message is a minute old", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(5.5 * MINUTE);
    swarm.disconnect(b, c);
    swarm.pass(1000);
    expect(a.endTo(b)?.picture).toEqual(new Set());
  });

  it("keeps quiet about peers that nobody could dial", () => {
    const { swarm, a, b } = chain();
    swarm.connect(swarm.add({ hidden: true }), b);
    swarm.pass(2 * MINUTE);
    expect(a.found).toHaveLength(1);
  });

  it("does not hand on what it only heard of", () => {
    const { swarm, a } = chain();
    swarm.pass(1000);
    const d = swarm.add();
    swarm.connect(d, a);
    swarm.pass(5 * MINUTE);
    expect(d.found.map(formatEndpoint)).toEqual(["20.0.0.1:6881"]);
  });

  it("finds out by itself, within a minute, about peers that speak no extensions", () => {
    const { swarm, a, b } = chain();
    swarm.pass(2 * MINUTE);
    const mute = swarm.add({ mute: true });
    swarm.connect(b, mute);
    swarm.pass(2 * MINUTE);
    expect(a.found.map(formatEndpoint)).toContain(formatEndpoint(mute.endpoint));
    expect(mute.endTo(b)?.heard).toEqual([]);
  });

  it("names whoever told of a peer that can be introduced", () => {
    const { swarm, a, b } = chain();
    swarm.pass(0);
    const link = a.endTo(b);
    const added = [{ address: "20.9.9.9", port: 1, flags: PexFlag.Holepunch | PexFlag.Utp }];
    link?.session.receive(OWN_ID, encodePex({ added, dropped: [] }));
    expect(a.found).toEqual([
      {
        address: "20.9.9.9",
        port: 1,
        uploadOnly: false,
        encrypted: false,
        utp: true,
        introducer: link?.id,
      },
    ]);
  });

  it("stays out of private torrents", () => {
    const { swarm, a, c } = chain({ isPrivate: true });
    swarm.pass(5 * MINUTE);
    expect([...a.found, ...c.found]).toEqual([]);
    expect(swarm.nodes.every((node) => node.part === undefined)).toBe(true);
  });

  it("falls silent when a magnet's torrent turns out to be private", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(0);
    for (const node of swarm.nodes) node.isPrivate = true;
    const added = [{ address: "20.9.9.9", port: 1, flags: 0 }];
    a.endTo(b)?.session.receive(OWN_ID, encodePex({ added, dropped: [] }));
    swarm.pass(5 * MINUTE);
    expect([...a.found, ...c.found]).toEqual([]);
    expect(a.endTo(b)?.heard).toEqual([]);
  });

  it("is disabled by a flood, on that connection only", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(1000);
    const link = b.endTo(a);
    for (let i = 0; i < 10; i++)
      link?.session.receive(OWN_ID, encodePex({ added: [], dropped: [] }));
    expect(link?.faults).toMatchObject([{ code: "ERR_PEX_FLOOD" }]);
    expect(b.endTo(c)?.faults).toEqual([]);
    swarm.connect(swarm.add(), b);
    swarm.pass(2 * MINUTE);
    expect(a.found).toHaveLength(1);
    expect(c.found).toHaveLength(2);
  });

  it("believes of one source only so many, by its option", () => {
    const { swarm, a, b } = chain({ extension: pexExtension({ peersPerSource: 3 }) });
    swarm.pass(0);
    const added = [1, 2, 3, 4, 5].map((n) => ({ address: `20.1.1.${n}`, port: 1, flags: 0 }));
    a.endTo(b)?.session.receive(OWN_ID, encodePex({ added, dropped: [] }));
    expect(a.found).toHaveLength(3);
  });

  it("sets no alarm while nobody is connected, and none after its end", () => {
    const { swarm, a, b, c } = chain();
    swarm.pass(1000);
    swarm.disconnect(a, b);
    swarm.disconnect(b, c);
    expect(swarm.deadlines.size).toBe(0);
    swarm.connect(a, b);
    swarm.pass(0);
    for (const node of swarm.nodes) node.part?.close?.();
    swarm.disconnect(a, b);
    swarm.connect(a, c);
    expect(swarm.deadlines.size).toBe(0);
  });
});

describe("as an extension", () => {
  for (const { name, run } of extensionCompliance(() => pexExtension())) it(name, run);
});

describe("a swarm", () => {
  it("comes to know itself: whatever happened, each knows whom its neighbours are connected to", () => {
    const node = fc.nat(11);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ join: fc.constant(true), a: node, b: node }) },
      { weight: 2, arbitrary: fc.record({ join: fc.constant(false), a: node, b: node }) },
      { weight: 2, arbitrary: fc.record({ wait: fc.nat(40_000) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const swarm = new Swarm();
        for (let i = 0; i < 12; i++) swarm.add({ mute: i === 4, hidden: i === 5 || i === 6 });
        for (const one of steps) {
          if ("wait" in one) swarm.pass(one.wait);
          else act(swarm, one);
        }
        swarm.pass(2 * MINUTE);
        for (const { ends } of swarm.nodes) for (const end of ends) checkEnd(end);
      }),
      { numRuns: 100 },
    );
  });

  it("of 130 around one reaches that state in turns of 50", () => {
    const swarm = new Swarm();
    const hub = swarm.add();
    for (let i = 0; i < 130; i++) swarm.connect(swarm.add(), hub);
    swarm.pass(3 * MINUTE);
    const spoke = swarm.nodes[1]?.endTo(hub);
    expect(spoke?.heard.map(({ message }) => message.added.length)).toEqual([50, 50, 29]);
    expect(spoke?.heard.every(({ bytes }) => bytes.length < 500)).toBe(true);
    for (const end of hub.ends) if (end.other) checkEnd(end.other);
  });

  it("closes up: from a chain of 40, everybody finds everybody", () => {
    const swarm = new Swarm();
    for (let i = 0; i < 40; i++) {
      const node: Node = swarm.add({
        found: (peers) => {
          for (const { address, port } of peers) {
            const other = swarm.nodes.find(({ endpoint }) => endpoint.address === address);
            if (other && other.endpoint.port === port) swarm.connect(node, other);
          }
        },
      });
      const before = swarm.nodes[i - 1];
      if (before) swarm.connect(node, before);
    }
    swarm.pass(10 * MINUTE);
    for (const node of swarm.nodes) expect(node.ends.size).toBe(39);
  });
});

/** What BEP 11 wants of the messages that came in at this end, and of where they led. */
function checkEnd(end: End): void {
  const far = end.other?.node;
  if (far === undefined) return;
  const speaks = !end.node.options.mute && !far.options.mute;
  const expected = speaks ? far.connected : new Set<string>();
  expected.delete(formatEndpoint(end.node.endpoint));
  expect(end.picture).toEqual(expected);
  expect(end.faults).toEqual([]);
  const picture = new Set<string>();
  let last = -MINUTE;
  for (const { at, message } of end.heard) {
    const added = message.added.map(formatEndpoint);
    const dropped = message.dropped.map(formatEndpoint);
    expect(at - last).toBeGreaterThanOrEqual(MINUTE);
    last = at;
    expect(added.length + dropped.length).toBeGreaterThan(0);
    expect(Math.max(added.length, dropped.length)).toBeLessThanOrEqual(50);
    for (const key of dropped) expect(picture.delete(key)).toBe(true);
    for (const key of added) {
      expect(picture.has(key) || dropped.includes(key)).toBe(false);
      picture.add(key);
    }
  }
}

function act(swarm: Swarm, { join, a, b }: { join: boolean; a: number; b: number }): void {
  const [from, to] = [swarm.nodes[a], swarm.nodes[b]];
  if (from === undefined || to === undefined) return;
  if (join) swarm.connect(from, to);
  else swarm.disconnect(from, to);
}

/** A – B – C; C has everything, and was dialled. */
function chain(options: NodeOptions = {}): { swarm: Swarm; a: Node; b: Node; c: Node } {
  const swarm = new Swarm();
  const a = swarm.add(options);
  const b = swarm.add(options);
  const c = swarm.add({ ...options, uploadOnly: true });
  swarm.connect(a, b);
  swarm.connect(b, c);
  return { swarm, a, b, c };
}
