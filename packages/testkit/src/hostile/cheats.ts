// Peers that promise pieces and then cheat.
import { BLOCK_SIZE } from "@shoal/core";
import { MessageId } from "@shoal/wire";
import { drip } from "./drip.ts";
import { type Attack, type HostilePeer, hostile, message, noise, numbers } from "./hostile-peer.ts";

/** What a cheat does with a request. */
type Answer = (attack: Attack, request: Request, count: number) => void;

interface Request {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** Peers that claim every piece, unchoke, and answer requests in their own way. */
export const cheats: readonly HostilePeer[] = [
  ...[1, 10, 100].map((n) => corrupts(n)),
  claims("never answers a request", () => {}),
  claims("chokes instead of answering", ({ peer }) => {
    peer.encoder.choke();
    peer.encoder.unchoke();
    peer.flush();
  }),
  claims("rejects every request", ({ peer }, { piece, begin, length }) => {
    peer.encoder.reject(piece, begin, length);
    peer.flush();
  }),
  claims("answers the first ten requests only", (attack, request, count) => {
    if (count < 10) answer(attack, request);
  }),
  claims("sends another block than was asked for", (attack, request) => {
    answer(attack, { ...request, begin: request.begin === 0 ? BLOCK_SIZE : 0 });
  }),
  claims("sends blocks a byte too short", (attack, request) => {
    answer(attack, { ...request, length: request.length - 1 });
  }),
  claims("sends every block twice", (attack, request) => {
    answer(attack, request);
    answer(attack, request);
  }),
  claims("sends blocks in two halves", (attack, request) => {
    const half = request.length >> 1;
    answer(attack, { ...request, length: half });
    answer(attack, { ...request, begin: request.begin + half, length: request.length - half });
  }),
  claims("sends empty blocks", ({ peer }, { piece, begin }) => {
    peer.raw(message(MessageId.piece, numbers(piece, begin)));
  }),
  claims("sends blocks a byte a second", (attack, request, count) => {
    const { piece, begin } = request;
    if (count === 0) drip(attack, block(piece, begin, content(attack, request)));
  }),
  claims("hangs up within a block", (attack, request, count) => {
    if (count > 0) return;
    attack.peer.raw(block(request.piece, request.begin, content(attack, request)).slice(0, 1000));
    attack.duplex.end();
  }),
];

/** A peer whose every n-th block is wrong. */
export function corrupts(n: number): HostilePeer {
  const name = n === 1 ? "sends nothing but wrong blocks" : `sends one wrong block in ${n}`;
  return claims(name, (attack, request, count) => {
    const bytes = Uint8Array.from(content(attack, request));
    if (count % n === n - 1) bytes.set(noise(attack.rng, Math.min(8, bytes.length)));
    attack.peer.raw(block(request.piece, request.begin, bytes));
  });
}

function claims(name: string, answers: Answer): HostilePeer {
  return hostile(name, {
    begin: ({ peer }) => {
      peer.encoder.haveAll();
      peer.encoder.unchoke();
      peer.flush();
    },
    script: (attack) => {
      let count = 0;
      return {
        request: (piece, begin, length) => answers(attack, { piece, begin, length }, count++),
      };
    },
  });
}

function answer(attack: Attack, request: Request): void {
  attack.peer.raw(block(request.piece, request.begin, content(attack, request)));
}

/** True bytes, as far as there are any there. */
function content({ content, geometry }: Attack, { piece, begin, length }: Request): Uint8Array {
  const size = Math.min(geometry.pieceLength, geometry.totalLength - piece * geometry.pieceLength);
  if (begin >= size) return new Uint8Array(length);
  return content(piece, begin, Math.min(length, size - begin));
}

function block(piece: number, begin: number, bytes: Uint8Array): Uint8Array {
  return message(MessageId.piece, Buffer.concat([numbers(piece, begin), bytes]));
}
