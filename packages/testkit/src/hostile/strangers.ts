// Peers that never get as far as a handshake, or no further.
import { encodeHandshake } from "@shoal/wire";
import { drip } from "./drip.ts";
import { type Attack, type HostilePeer, hostile, noise, peerId, stranger } from "./hostile-peer.ts";

/** Peers that never get as far as a handshake, or no further. */
export const strangers: readonly HostilePeer[] = [
  stranger("says nothing at all", {}),
  stranger("sends noise instead of a handshake", {
    begin: ({ peer, rng }) => peer.raw(noise(rng, 4096)),
  }),
  stranger("speaks HTTP", {
    begin: ({ peer }) => peer.raw(Buffer.from("GET /announce HTTP/1.1\r\nHost: tracker\r\n\r\n")),
  }),
  stranger("asks for another torrent", {
    begin: ({ peer, rng }) => peer.handshake(noise(rng, 20), peerId(rng)),
  }),
  stranger("sends half a handshake and waits", {
    begin: (attack) => attack.peer.raw(greeting(attack).slice(0, 34)),
  }),
  stranger("hangs up within its handshake", {
    begin: (attack) => {
      attack.peer.raw(greeting(attack).slice(0, 60));
      attack.duplex.end();
    },
  }),
  stranger("shakes hands a byte a second", { begin: (attack) => drip(attack, greeting(attack)) }),
  stranger("answers with our own peer id", {
    script: ({ infoHash }) => ({
      handshake: (theirs, peer) => peer.handshake(infoHash, theirs.peerId),
    }),
  }),
  hostile("says nothing after the handshake", {}),
  hostile("hangs up after the handshake", { begin: ({ duplex }) => duplex.end() }),
  hostile("shakes hands twice", {
    begin: ({ peer, infoHash, rng }) => peer.handshake(infoHash, peerId(rng)),
  }),
];

function greeting({ infoHash, rng }: Attack): Uint8Array {
  const features = { fast: true, extended: true, dht: false, v2: false };
  return encodeHandshake({ infoHash, peerId: peerId(rng), features });
}
