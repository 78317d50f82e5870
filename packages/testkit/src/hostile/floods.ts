// Peers that send allowed messages in numbers that nobody needs.
import { MessageId } from "@shoal/wire";
import { type Attack, type HostilePeer, hostile, message, noise, numbers } from "./hostile-peer.ts";

/** How many messages a flood has: far beyond what a peer can want, yet finite. */
const FLOOD = 20_000;
/** Messages that are written at once. */
const BATCH = 500;
/** A request's usual length; longer than the last block may be. */
const BLOCK = 16_384;
const EMPTY = new Uint8Array(0);

/** Peers that flood. */
export const floods: readonly HostilePeer[] = [
  pours("keep-alives", () => new Uint8Array(4)),
  pours("haves of one piece", () => message(MessageId.have, numbers(0))),
  pours("haves of all pieces, over and over", ({ geometry }, i) =>
    message(MessageId.have, numbers(i % geometry.pieceCount)),
  ),
  pours("chokes and unchokes", (_, i) =>
    message(i % 2 === 0 ? MessageId.choke : MessageId.unchoke, EMPTY),
  ),
  pours("interest and the loss of it", (_, i) =>
    message(i % 2 === 0 ? MessageId.interested : MessageId.notInterested, EMPTY),
  ),
  pours("requests while choked", () => message(MessageId.request, numbers(0, 0, 16_384))),
  pours("cancels of nothing", () => message(MessageId.cancel, numbers(0, 0, 16_384))),
  pours("rejects of nothing", () => message(MessageId.reject, numbers(0, 0, 16_384))),
  pours("suggestions", ({ geometry }, i) =>
    message(MessageId.suggest, numbers(i % geometry.pieceCount)),
  ),
  pours("allowances", ({ geometry }, i) =>
    message(MessageId.allowedFast, numbers(i % geometry.pieceCount)),
  ),
  pours("extended handshakes", () => message(MessageId.extended, Buffer.from("\0de"))),
  pours("unknown messages", ({ rng }) => message(200, noise(rng, 10))),
  asks("floods with requests once it is unchoked", ({ peer, geometry }) => {
    for (let i = 0; i < FLOOD; i++) peer.encoder.request(i % geometry.pieceCount, 0, BLOCK);
    peer.flush();
  }),
  asks("asks for all pieces and reads nothing for ten minutes", (attack) => {
    const { peer, geometry, duplex, clock, deadlines } = attack;
    for (let i = 0; i < geometry.pieceCount; i++) peer.encoder.request(i, 0, BLOCK);
    peer.flush();
    duplex.pause();
    deadlines.alarm(() => duplex.resume()).set(clock.now() + 600_000);
  }),
  asks("asks and cancels in one breath", ({ peer, geometry }) => {
    for (let i = 0; i < FLOOD / 2; i++) {
      peer.encoder.request(i % geometry.pieceCount, 0, BLOCK);
      peer.encoder.cancel(i % geometry.pieceCount, 0, BLOCK);
    }
    peer.flush();
  }),
];

/** Floods after the handshake, each batch when the one before has left. */
function pours(what: string, next: (attack: Attack, i: number) => Uint8Array): HostilePeer {
  return hostile(`floods with ${what}`, {
    script: (attack) => {
      let sent = 0;
      return {
        // The handshake has left, or the batch before.
        drained: () => {
          if (sent >= FLOOD) return;
          const batch = Array.from({ length: BATCH }, () => next(attack, sent++));
          attack.peer.raw(Buffer.concat(batch));
        },
      };
    },
  });
}

/** Shows interest, and acts when it is unchoked. */
function asks(name: string, unchoked: (attack: Attack) => void): HostilePeer {
  return hostile(name, {
    begin: ({ peer }) => {
      peer.encoder.haveNone();
      peer.encoder.interested();
      peer.flush();
    },
    script: (attack) => ({ unchoke: () => unchoked(attack) }),
  });
}
