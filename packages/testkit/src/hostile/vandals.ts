// Peers that send messages which no rule allows.
import { Bitfield } from "@shoal/core";
import { MessageId } from "@shoal/wire";
import { type Attack, type HostilePeer, hostile, message, noise, numbers } from "./hostile-peer.ts";

/** Peers that send one thing that no rule allows, right after the handshake. */
export const vandals: readonly HostilePeer[] = [
  sends("noise", ({ rng }) => noise(rng, 100_000)),
  sends("a message of 4 GiB", () => message(MessageId.piece, numbers(0, 0), 0xffff_ffff)),
  sends("a block of 1 GiB", () => message(MessageId.piece, numbers(0, 0), 1 << 30)),
  sends("a bitfield of 1 GiB", () => message(MessageId.bitfield, numbers(0), 1 << 30)),
  sends("a choke with a body", () => message(MessageId.choke, numbers(1))),
  sends("a have that is too short", () => message(MessageId.have, new Uint8Array(3))),
  sends("a have that is too long", () => message(MessageId.have, new Uint8Array(5))),
  sends("a request that is too short", () => message(MessageId.request, numbers(0, 0))),
  sends("a block without a place", () => message(MessageId.piece, numbers(0))),
  sends("an empty extended message", () => message(MessageId.extended, new Uint8Array(0))),
  sends("a bitfield that is too short", ({ geometry }) =>
    message(MessageId.bitfield, new Uint8Array(Math.ceil(geometry.pieceCount / 8) - 1)),
  ),
  sends("a bitfield that is too long", ({ geometry }) =>
    message(MessageId.bitfield, new Uint8Array(Math.ceil(geometry.pieceCount / 8) + 1)),
  ),
  sends("a bitfield with a bit too many", (attack) => {
    const bits = allPieces(attack).bytes.slice();
    // With 8, 16… pieces there is no spare bit; then a byte too many is.
    if (attack.geometry.pieceCount % 8 === 0)
      return message(MessageId.bitfield, Buffer.concat([bits, bits]));
    bits[bits.length - 1] = 0xff;
    return message(MessageId.bitfield, bits);
  }),
  sends("a bitfield twice", (attack) => {
    const bitfield = message(MessageId.bitfield, allPieces(attack).bytes);
    return Buffer.concat([bitfield, bitfield]);
  }),
  sends("a bitfield after another message", (attack) =>
    Buffer.concat([
      message(MessageId.have, numbers(0)),
      message(MessageId.bitfield, allPieces(attack).bytes),
    ]),
  ),
  sends("have all and have none", () =>
    Buffer.concat([
      message(MessageId.haveAll, new Uint8Array(0)),
      message(MessageId.haveNone, new Uint8Array(0)),
    ]),
  ),
  sends("a have beyond the last piece", ({ geometry }) =>
    message(MessageId.have, numbers(geometry.pieceCount)),
  ),
  sends("a have of piece 2^32−1", () => message(MessageId.have, numbers(0xffff_ffff))),
  sends("a block of a piece that does not exist", ({ geometry }) =>
    message(MessageId.piece, Buffer.concat([numbers(geometry.pieceCount, 0), Buffer.alloc(100)])),
  ),
  sends("a block that nobody asked for", () =>
    message(MessageId.piece, Buffer.concat([numbers(0, 0), Buffer.alloc(16_384)])),
  ),
  sends("a reject of what nobody asked for", () =>
    message(MessageId.reject, numbers(0, 0, 16_384)),
  ),
  sends("a request beyond the last piece", ({ geometry }) =>
    wantsThenAsks(geometry.pieceCount, 0, 16_384),
  ),
  sends("a request beyond its piece's end", ({ geometry }) =>
    wantsThenAsks(0, geometry.pieceLength, 16_384),
  ),
  sends("a request of 2 GiB", () => wantsThenAsks(0, 0, 0x7fff_ffff)),
  sends("a request of nothing", () => wantsThenAsks(0, 0, 0)),
  sends("suggestions and allowances of pieces that don't exist", () =>
    Buffer.concat([
      message(MessageId.suggest, numbers(0xffff_ffff)),
      message(MessageId.allowedFast, numbers(0xffff_ffff)),
    ]),
  ),
  sends("an extended handshake that is no dictionary", () => extended(0, "i1e")),
  sends("an extended handshake of lists in lists", () =>
    extended(0, "l".repeat(100_000) + "e".repeat(100_000)),
  ),
  sends("an extended handshake with a string of 2^53 bytes", () =>
    extended(0, "d1:v9007199254740992:x"),
  ),
  sends("an extended handshake full of nonsense", () =>
    extended(0, "d1:mi1e1:pi-1e4:reqqi-5e1:v3:\u0000\u0000\u00006:yourip3:abce"),
  ),
  sends("an extended message that was never agreed on", () => extended(77, "de")),
  sends("messages that nobody knows", ({ rng }) =>
    Buffer.concat([99, 150, 255].map((id) => message(id, noise(rng, 1000)))),
  ),
  hostile("hangs up within a block that nobody asked for", {
    begin: ({ peer, duplex }) => {
      peer.raw(message(MessageId.piece, Buffer.concat([numbers(0, 0), Buffer.alloc(99)]), 16_393));
      duplex.end();
    },
  }),
];

function sends(what: string, bytes: (attack: Attack) => Uint8Array): HostilePeer {
  return hostile(`sends ${what}`, { begin: (attack) => attack.peer.raw(bytes(attack)) });
}

function allPieces({ geometry }: Attack): Bitfield {
  return Bitfield.full(geometry.pieceCount);
}

function wantsThenAsks(piece: number, begin: number, length: number): Uint8Array {
  return Buffer.concat([
    message(MessageId.interested, new Uint8Array(0)),
    message(MessageId.request, numbers(piece, begin, length)),
  ]);
}

function extended(id: number, body: string): Uint8Array {
  return message(MessageId.extended, Buffer.from(`${String.fromCharCode(id)}${body}`, "latin1"));
}
