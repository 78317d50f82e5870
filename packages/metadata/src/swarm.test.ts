// Swarms at random, in virtual time: whoever is in them, one honest peer is enough.
import { createRng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { honest, liar, SECOND, scriptedNode, seedOf, setup } from "../testing/peers.ts";
import type { LinkOptions, Node, Script, Swarm } from "../testing/swarm.ts";
import { countPieces, encodeData, encodeReject, PIECE_LENGTH } from "./message.ts";

/** What a peer of the swarm is like. */
const KINDS = [
  "honest",
  "seed",
  "lossy",
  "size",
  "stall",
  "forge",
  "poison",
  "random",
  "late",
] as const;
type Kind = (typeof KINDS)[number];

interface Member {
  readonly kind: Kind;
  /** When it comes, in ms. */
  readonly joins: number;
  /** How long it stays, in ms; it comes again as often as it goes. */
  readonly stays: number;
  readonly link: LinkOptions;
}

const member: fc.Arbitrary<Member> = fc.record({
  kind: fc.constantFrom(...KINDS),
  joins: fc.nat(30_000),
  stays: fc.integer({ min: 500, max: 60_000 }),
  link: fc.record({
    latency: fc.integer({ min: 1, max: 500 }),
    rate: fc.integer({ min: 5, max: 2000 }),
  }),
});

it("completes in bounded time if one honest peer stays", () => {
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 24 }),
      fc.constantFrom<Kind>("honest", "lossy"),
      fc.integer({ min: 1, max: 30 * PIECE_LENGTH }),
      fc.nat(),
      (members, kind, size, seed) => {
        const { swarm, leech } = setup(size, seed);
        for (const each of members) visit(swarm, leech, each);
        swarm.connect(leech, nodeOf(swarm, kind), { latency: 50, rate: 50 });
        expect(swarm.run(() => leech.metadata() !== undefined, 1200 * SECOND)).toBe(true);
        // Nobody is turned away but for what came from it alone.
        const wrong = leech.arrivals - 1;
        expect(leech.disconnects.length).toBeLessThanOrEqual(wrong);
        for (const error of leech.disconnects) {
          expect(error).toMatchObject({ code: "ERR_METADATA_FORGED" });
        }
        expect(leech.errors).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});

it("finds the one honest peer among a hundred that poison", () => {
  const { swarm, leech } = setup(20 * PIECE_LENGTH);
  for (let i = 0; i < 100; i++) swarm.connect(leech, nodeOf(swarm, i % 2 ? "poison" : "forge"));
  swarm.connect(leech, seedOf(swarm));
  expect(swarm.run(() => leech.metadata() !== undefined, 120 * SECOND)).toBe(true);
});

/** Connects, goes and comes again for as long as the swarm runs. */
function visit(swarm: Swarm, leech: Node, { kind, joins, stays, link }: Member): void {
  const node = nodeOf(swarm, kind);
  let cut: (() => void) | undefined;
  const alarm = swarm.deadlines.alarm((now) => {
    if (cut === undefined) cut = swarm.connect(leech, node, link);
    else {
      cut();
      cut = undefined;
    }
    alarm.set(now + stays);
  });
  alarm.set(joins);
}

function nodeOf(swarm: Swarm, kind: Kind): Node {
  if (kind === "seed") return seedOf(swarm);
  return scriptedNode(swarm, scriptOf(swarm, kind), `127.0.1.${randomInt(swarm.rng, 20)}`);
}

function scriptOf(swarm: Swarm, kind: Exclude<Kind, "seed">): Script {
  const { rng, truth } = swarm;
  const size = truth.length;
  const fair = honest(swarm);
  switch (kind) {
    case "honest":
      return fair;
    case "late":
      // Has it, but never said so.
      return { message: (message, peer) => fair.message(message, peer) };
    case "stall":
      return { size, message: () => {} };
    case "forge":
      return liar(size);
    case "size":
      return liar(Math.max(1, size + randomInt(rng, 5) * PIECE_LENGTH - 100));
    case "lossy":
      return {
        size,
        message: (message, peer) => {
          const luck = rng();
          if (message.type !== "request" || luck < 0.2) return;
          if (luck < 0.4) peer.send(encodeReject(message.piece));
          else fair.message(message, peer);
        },
      };
    case "poison": {
      const forged = truth.slice();
      const at = randomInt(createRng(randomInt(rng, 1e9)), size);
      forged[at] = 1 + (forged[at] ?? 0);
      return {
        size,
        message: ({ type, piece }, peer) => {
          if (type === "request") peer.send(encodeData(piece, forged));
        },
      };
    }
    case "random":
      return {
        size: 1 + randomInt(rng, 2 * size),
        message: ({ piece }, peer) => {
          const luck = randomInt(rng, 4);
          if (luck === 0) peer.send(encodeReject(piece));
          if (luck === 1) peer.send(encodeData(randomInt(rng, countPieces(size)), truth));
          if (luck === 2) peer.refreshHandshake();
        },
      };
  }
}
