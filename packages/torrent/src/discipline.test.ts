import { createRng, endpoint } from "@shoal/core";
import { type KnownPeer, PeerList } from "@shoal/policy";
import type { Swarm } from "@shoal/swarm";
import { beforeEach, describe, expect, it } from "vitest";
import { Discipline } from "./discipline.ts";

/** The slot of a sender that is no peer. */
const LANE = 2 ** 30;

let list: PeerList;
let log: string[];
let discipline: Discipline;

beforeEach(() => {
  list = new PeerList({ rng: createRng(1) });
  log = [];
  const swarm = {
    list,
    ban: (slot: number, error: Error) => {
      const known = list.bySlot(slot);
      if (known === undefined) return undefined;
      list.ban(known);
      log.push(`close ${known.key}: ${error.message}`);
      return known;
    },
  } as unknown as Swarm;
  discipline = new Discipline({
    swarm,
    lanes: {
      ban: (slot) => slot === LANE && log.push("ban the lane") > 0,
      suspect: (slot) => slot === LANE,
      credit: (slot) => void (slot === LANE && log.push("credit the lane")),
    },
    banned: (address, reason) => log.push(`banned ${address}: ${reason}`),
    forgetSender: (slot) => log.push(`forget ${slot}`),
  });
});

function peer(number: number): KnownPeer {
  const known = list.add(endpoint(`198.51.100.${number}`, 6881), "tracker");
  if (known === undefined) throw new Error("the list refused a peer");
  return known;
}

describe("Discipline", () => {
  it("bans once, closes, forgets and tells, however many pieces fail", () => {
    const { slot } = peer(1);
    discipline.ban([slot], 3);
    discipline.ban([slot], 4);
    const reason = "198.51.100.1:6881: it sent bad data for piece 3";
    expect(log).toEqual([
      `forget ${slot}`,
      `close ${reason}`,
      `banned ${reason}`,
      `forget ${slot}`,
    ]);
  });

  it("knows nothing of entries that were given up, nor of blocks that nobody sent", () => {
    discipline.ban([99], 0);
    discipline.suspect([99, -1], 0);
    discipline.credit([99, -1]);
    expect(log).toEqual(["forget 99"]);
  });

  it("puts suspects on parole, and bans who is suspected too often", () => {
    const known = peer(1);
    let times = 0;
    for (; !known.banned; times++) {
      expect(known.onParole).toBe(times > 0);
      discipline.suspect([known.slot], times);
    }
    expect(times).toBeGreaterThan(1);
    expect(log.at(-1)).toContain("banned 198.51.100.1:6881");
  });

  it("ends the parole of who took part in a good piece", () => {
    const known = peer(1);
    discipline.suspect([known.slot], 0);
    discipline.credit([known.slot]);
    expect(known.onParole).toBe(false);
  });
});
