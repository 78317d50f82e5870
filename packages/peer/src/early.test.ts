// What peers say of pieces before these are known.
import fc from "fast-check";
import { expect, it } from "vitest";
import { EarlyPieces, type PieceMessages } from "./early.ts";

/** A receiver that notes what it hears. */
function listener(): PieceMessages & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    have: (piece) => log.push(`have ${piece}`),
    bitfield: (bits) => log.push(`bitfield ${Buffer.from(bits).toString("hex")}`),
    haveAll: () => log.push("all"),
    haveNone: () => log.push("none"),
    allowedFast: (piece) => log.push(`allowed ${piece}`),
  };
}

it("says again what was said: the set first, then pieces, then grants", () => {
  const messages = fc.array(fc.tuple(fc.constantFrom("have", "allowed"), fc.nat(200)), {
    maxLength: 40,
  });
  const first = fc.option(fc.oneof(fc.constantFrom("all", "none"), fc.uint8Array()));
  fc.assert(
    fc.property(first, messages, (set, rest) => {
      const early = new EarlyPieces();
      if (set === "all") early.haveAll();
      else if (set === "none") early.haveNone();
      else if (set instanceof Uint8Array) early.bitfield(set);
      for (const [what, piece] of rest) {
        if (what === "have") early.have(piece);
        else early.allowedFast(piece);
      }
      const { log, ...heard } = listener();
      early.replay(heard);
      const said = rest.map(([what, piece]) => `${what} ${piece}`);
      const ordered = ["have", "allowed"].flatMap((w) => said.filter((s) => s.startsWith(w)));
      const begin =
        set instanceof Uint8Array ? `bitfield ${Buffer.from(set).toString("hex")}` : set;
      expect(log).toEqual(begin === null ? ordered : [begin, ...ordered]);
    }),
  );
});

it("keeps its own copy of a bitfield", () => {
  const early = new EarlyPieces();
  const bits = Buffer.from([0x80]);
  early.bitfield(bits);
  bits[0] = 0;
  const heard = listener();
  early.replay(heard);
  expect(heard.log).toEqual(["bitfield 80"]);
});

it("is bounded: too many pieces end the connection, too many grants are dropped", () => {
  const early = new EarlyPieces();
  for (let i = 0; i < 16_384; i++) early.have(i);
  expect(() => early.have(0)).toThrow(expect.objectContaining({ code: "ERR_PEER_FLOOD" }));
  for (let i = 0; i < 100; i++) early.allowedFast(i);
  const heard = listener();
  early.replay(heard);
  expect(heard.log).toHaveLength(16_384 + 64);
});
