import type { Endpoint } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Allowance, Allowances } from "./allowance.ts";
import { Intake } from "./intake.ts";
import { encodePex } from "./message.ts";

const SOURCE = { address: "203.0.113.1", port: 50_000 };
const MINUTE = 60_000;
const BAD = new Uint8Array(3);

describe("Intake", () => {
  it("takes each peer once, until it is dropped and added again", () => {
    const intake = make();
    expect(intake.receive(adding(peer(1), peer(2), peer(1)), 0)).toEqual([flagged(1), flagged(2)]);
    expect(intake.receive(adding(peer(2), peer(3)), MINUTE)).toEqual([flagged(3)]);
    const drop = encodePex({ added: [], dropped: [peer(2)] });
    expect(intake.receive(drop, 2 * MINUTE)).toEqual([]);
    expect(intake.receive(adding(peer(2), peer(3)), 3 * MINUTE)).toEqual([flagged(2)]);
  });

  it("does not believe in many peers at one public address", () => {
    const victim = { address: "198.51.100.9", port: 22 };
    const other = { ...victim, port: 80 };
    expect(make().receive(adding(victim, other), 0)).toHaveLength(1);
    const household = ["10.0.0.1", "10.0.0.1"].map((address, i) => ({ address, port: i + 1 }));
    expect(make({ address: "10.0.0.2", port: 1 }).receive(adding(...household), 0)).toHaveLength(2);
  });

  it.each(["127.0.0.1", "10.0.0.1", "169.254.0.1", "224.0.0.1", "0.0.0.0", "::1", "fe80::1"])(
    "takes no %s of a stranger",
    (address) => {
      expect(make().receive(adding({ address, port: 6881 }), 0)).toEqual([]);
    },
  );

  it("takes nobody with port 0", () => {
    expect(make().receive(adding({ ...peer(1), port: 0 }), 0)).toEqual([]);
  });

  it("believes in 50 of each family at a time", () => {
    const intake = make();
    const v4 = Array.from({ length: 60 }, (_, i) => peer(i));
    const v6 = v4.map((_, i) => ({ address: `2001:db8::${i.toString(16) || 0}`, port: 1 }));
    const taken = intake.receive(adding(...v4, ...v6.slice(1)), 0);
    expect(taken.filter(({ address }) => address.includes(":"))).toHaveLength(50);
    expect(taken).toHaveLength(100);
  });

  it("slows down a source that never stops naming new ones, also if it connects anew", () => {
    const allowances = new Allowances();
    let taken = 0;
    for (let minute = 0; minute < 60; minute++) {
      const now = minute * MINUTE;
      const allowance = allowances.of({ ...SOURCE, port: minute }, now);
      const intake = new Intake({ source: SOURCE, allowance, limit: 50 });
      const names = Array.from({ length: 50 }, (_, i) => peer(minute * 50 + i));
      taken += intake.receive(adding(...names), now).length;
    }
    expect(taken).toBeLessThanOrEqual(100 + 60 * 10);
    expect(taken).toBeGreaterThan(500);
  });

  it("gives up on a flood: more than 6 messages in a minute", () => {
    const intake = make();
    for (let i = 0; i < 6; i++) intake.receive(adding(), i * 1000);
    expect(() => intake.receive(adding(), 59_999)).toThrow(
      expect.objectContaining({ code: "ERR_PEX_FLOOD" }),
    );
    expect(() => intake.receive(adding(), 60_000)).not.toThrow();
  });

  it("ignores two bad messages and gives up at the third", () => {
    const intake = make();
    expect(intake.receive(BAD, 0)).toEqual([]);
    expect(intake.receive(adding(peer(1)), 0)).toHaveLength(1);
    const long = adding(...Array.from({ length: 501 }, (_, i) => peer(i)));
    expect(intake.receive(long, 0)).toEqual([]);
    expect(() => intake.receive(long, 0)).toThrow(
      expect.objectContaining({ code: "ERR_PEX_OVERSIZE" }),
    );
  });

  it("never takes more than is allowed, whatever comes", () => {
    const few = fc.nat(200).map(peer);
    const step = fc.record({
      added: fc.array(few, { maxLength: 80 }),
      dropped: fc.array(few, { maxLength: 80 }),
      wait: fc.nat(30_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const intake = make();
        const live = new Set<string>();
        let [now, taken] = [0, 0];
        for (const { added, dropped, wait } of steps) {
          now += 10_000 + wait;
          const payload = encodePex({ added: added.map((one) => ({ ...one, flags: 0 })), dropped });
          for (const { address } of dropped) live.delete(address);
          for (const { address } of intake.receive(payload, now)) {
            expect(live).not.toContain(address);
            live.add(address);
            taken++;
          }
          expect(live.size).toBeLessThanOrEqual(50);
          expect(taken).toBeLessThanOrEqual(100 + now / 6000);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("Allowances", () => {
  it("forgets the sources of long ago, so that their number is bounded", () => {
    const allowances = new Allowances();
    const first = allowances.of(SOURCE, 0);
    expect(allowances.of({ ...SOURCE, port: 9 }, 0)).toBe(first);
    for (let i = 0; i < 511; i++) allowances.of(peer(i), 0);
    expect(allowances.of(SOURCE, 0)).toBe(first);
    for (let i = 0; i < 512; i++) allowances.of(peer(i), 0);
    expect(allowances.of(SOURCE, 0)).not.toBe(first);
  });

  it("tells apart the clients of one machine", () => {
    const allowances = new Allowances();
    const at = (port: number): Endpoint => ({ address: "127.0.0.1", port });
    expect(allowances.of(at(1), 0)).not.toBe(allowances.of(at(2), 0));
  });
});

function make(source: Endpoint = SOURCE): Intake {
  return new Intake({ source, allowance: new Allowance(0), limit: 50 });
}

function peer(n: number): Endpoint {
  return { address: `198.${51 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, port: 6881 };
}

function flagged(n: number): Endpoint & { flags: number } {
  return { ...peer(n), flags: 16 };
}

function adding(...peers: Endpoint[]): Uint8Array {
  return encodePex({ added: peers.map((one) => ({ ...one, flags: 16 })), dropped: [] });
}
