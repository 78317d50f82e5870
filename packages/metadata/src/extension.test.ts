// Whole exchanges between torrents, in virtual time.
import { describe, expect, it } from "vitest";
import { asker, honest, SECOND, scriptedNode, seedOf, setup } from "../testing/peers.ts";
import { Node, type Script } from "../testing/swarm.ts";
import { metadataExtension } from "./index.ts";
import { countPieces, encodeData, encodeReject, PIECE_LENGTH } from "./message.ts";

describe("fetching", () => {
  it("gets the info dictionary from one peer, and gives it on", () => {
    const { swarm, seed, leech } = setup(100_000);
    const third = new Node(swarm, metadataExtension());
    swarm.connect(leech, third);
    swarm.connect(seed, leech);
    expect(swarm.run(() => third.metadata() !== undefined, 2 * SECOND)).toBe(true);
    expect(leech.metadata()).toEqual(swarm.truth);
    expect(third.metadata()).toEqual(swarm.truth);
    expect([leech.arrivals, third.arrivals]).toEqual([1, 1]);
    expect([...leech.errors, ...seed.errors, ...third.errors]).toEqual([]);
  });

  it.for([1, PIECE_LENGTH, PIECE_LENGTH + 1, 5_000_000])("takes %i bytes", (size) => {
    const { swarm, seed, leech } = setup(size);
    swarm.connect(seed, leech);
    expect(swarm.run(() => leech.metadata() !== undefined, 60 * SECOND)).toBe(true);
  });

  it("is idle when it is done, and asks nothing where metadata is there", () => {
    const { swarm, seed, leech } = setup(100_000);
    swarm.connect(seed, leech);
    swarm.connect(seed, seedOf(swarm));
    swarm.pass(10 * SECOND);
    expect(leech.metadata()).toBeDefined();
    expect(swarm.deadlines.size).toBe(0);
  });

  it("asks several peers at once", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    const asked = [0, 1, 2, 3].map(() => {
      const pieces = new Set<number>();
      swarm.connect(leech, scriptedNode(swarm, honest(swarm, pieces)), { latency: 20, rate: 100 });
      return pieces;
    });
    // One such link takes ten seconds for it.
    expect(swarm.run(() => leech.metadata() !== undefined, 5 * SECOND)).toBe(true);
    for (const pieces of asked) expect(pieces.size).toBeGreaterThan(8);
    // Each piece was asked for once, save those at the end that were slow to come.
    expect(asked.reduce((sum, pieces) => sum + pieces.size, 0)).toBeLessThan(80);
  });

  it("asks peers that told no size whether they have got it since, once a minute", () => {
    const { swarm, leech } = setup(3 * PIECE_LENGTH);
    let has = false;
    const requests: number[] = [];
    const late: Script = {
      message: (message, peer) => {
        if (message.type !== "request") return;
        requests.push(swarm.now);
        peer.send(has ? encodeData(message.piece, swarm.truth) : encodeReject(message.piece));
      },
    };
    swarm.connect(leech, scriptedNode(swarm, late));
    swarm.pass(200 * SECOND);
    expect(requests.length).toBeGreaterThanOrEqual(3);
    expect(requests.length).toBeLessThanOrEqual(5);
    has = true;
    expect(swarm.run(() => leech.metadata() !== undefined, 80 * SECOND)).toBe(true);
  });

  it("hears of metadata that its peer has got since", () => {
    const { swarm, seed, leech } = setup(50_000);
    const other = new Node(swarm, metadataExtension());
    swarm.connect(leech, other);
    swarm.pass(30 * SECOND);
    swarm.connect(other, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 2 * SECOND)).toBe(true);
  });

  it("stops when the user brings the info dictionary, and tells the peers", () => {
    const { swarm, leech } = setup(50_000);
    const other = new Node(swarm, metadataExtension());
    swarm.connect(leech, other);
    swarm.pass(SECOND);
    leech.give(swarm.truth);
    expect(swarm.run(() => other.metadata() !== undefined, 3 * SECOND)).toBe(true);
    expect(leech.arrivals).toBe(0);
    swarm.pass(SECOND);
    expect(swarm.deadlines.size).toBe(0);
  });

  it("does not fetch more than it may", () => {
    const { swarm, seed } = setup(50_000);
    const modest = new Node(swarm, metadataExtension({ maxSize: 49_999 }));
    const exact = new Node(swarm, metadataExtension({ maxSize: 50_000 }));
    swarm.connect(seed, modest);
    swarm.connect(seed, exact);
    swarm.pass(300 * SECOND);
    expect(modest.metadata()).toBeUndefined();
    expect(exact.metadata()).toBeDefined();
  });

  it.for([0, -1, 1.5, Number.NaN])("refuses %d as largest size", (maxSize) => {
    expect(() => metadataExtension({ maxSize })).toThrow(RangeError);
  });

  it("goes on after a peer that leaves, with what it gave", () => {
    const { swarm, seed, leech } = setup(64 * PIECE_LENGTH);
    const given = new Set<number>();
    const cut = swarm.connect(leech, scriptedNode(swarm, honest(swarm, given)), slow);
    swarm.pass(6 * SECOND);
    cut();
    expect(given.size).toBeGreaterThan(20);
    swarm.pass(100 * SECOND);
    const again = new Set<number>();
    swarm.connect(leech, scriptedNode(swarm, honest(swarm, again)));
    expect(swarm.run(() => leech.metadata() !== undefined, 5 * SECOND)).toBe(true);
    expect(again.size).toBeLessThan(64 - 20);
    expect(seed.errors).toEqual([]);
  });

  it("ends with its torrent", () => {
    const { swarm, seed, leech } = setup(5_000_000);
    swarm.connect(seed, leech);
    swarm.pass(SECOND);
    leech.extension?.close?.();
    swarm.pass(30 * SECOND);
    expect(leech.metadata()).toBeUndefined();
    expect(swarm.deadlines.size).toBe(0);
  });
});

describe("serving", () => {
  it("rejects while it has nothing", () => {
    const { swarm, leech } = setup(100_000);
    const { answers, node } = asker(swarm, [0, 1]);
    swarm.connect(leech, node);
    swarm.pass(SECOND);
    expect(answers.filter((answer) => answer.startsWith("reject"))).toEqual([
      "reject 0",
      "reject 1",
    ]);
  });

  it("gives every piece to one that asks for all at once, and rejects what does not exist", () => {
    const { swarm, seed } = setup(20_000_000);
    const count = countPieces(20_000_000);
    const { answers, node } = asker(swarm, [...Array(count + 1).keys()]);
    swarm.connect(seed, node, { latency: 10, rate: 10_000 });
    swarm.pass(20 * SECOND);
    expect(answers).toHaveLength(count + 1);
    expect(answers.filter((answer) => answer === `reject ${count}`)).toHaveLength(1);
    expect(new Set(answers).size).toBe(count + 1);
    expect(seed.disconnects).toEqual([]);
  });

  it("keeps little in the connection of a slow peer", () => {
    const { swarm, seed } = setup(2_000_000);
    let highest = 0;
    const { node } = asker(swarm, [...Array(122).keys()]);
    swarm.connect(seed, node, { latency: 10, rate: 10 });
    swarm.run(() => {
      highest = Math.max(highest, seed.backlog);
      return false;
    }, 30 * SECOND);
    expect(highest).toBeGreaterThan(100_000);
    expect(highest).toBeLessThan(200_000);
  });

  it("gives a peer a few copies at once, and then one a minute", () => {
    const { swarm, seed } = setup(100 * PIECE_LENGTH);
    const { answers, node, ask } = asker(swarm, []);
    swarm.connect(seed, node, { latency: 10, rate: 1e5 });
    swarm.pass(SECOND);
    for (let i = 0; i < 5; i++) {
      for (let piece = 0; piece < 100; piece++) ask(piece);
      swarm.pass(SECOND);
    }
    const given = (): number => answers.filter((answer) => answer.startsWith("data")).length;
    expect(given()).toBeGreaterThanOrEqual(316);
    expect(given()).toBeLessThan(330);
    swarm.pass(60 * SECOND);
    const before = given();
    for (let piece = 0; piece < 100; piece++) ask(piece);
    swarm.pass(5 * SECOND);
    expect(given() - before).toBe(100);
  });

  it("queues no more for a peer than it may have at once", () => {
    const { swarm, seed } = setup(20 * PIECE_LENGTH);
    const { node, ask } = asker(swarm, []);
    swarm.connect(node, seed, { latency: 10, rate: 1 });
    swarm.pass(SECOND);
    // The 36 that come back in a minute; about 4 are sent in that time.
    for (let minute = 0; minute < 10; minute++) {
      for (let i = 0; i < 36; i++) ask(i % 20);
      swarm.pass(60 * SECOND);
    }
    expect(seed.sent).toBeGreaterThan(360 - 76);
    expect(seed.disconnects).toEqual([]);
  });

  it("stops when the connection ends", () => {
    const { swarm, seed } = setup(2_000_000);
    const { node } = asker(swarm, [...Array(122).keys()]);
    const cut = swarm.connect(seed, node, { latency: 10, rate: 10 });
    swarm.pass(SECOND);
    cut();
    // What is under way comes to nothing; no alarm of the server is left.
    swarm.pass(60 * SECOND);
    expect(swarm.deadlines.size).toBe(0);
  });
});

const slow = { latency: 20, rate: 100 };
