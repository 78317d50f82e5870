// Two peers that exchange a block with the wire protocol alone: no socket, no clock, no engine.
import {
  encodeHandshake,
  HandshakeDecoder,
  MessageDecoder,
  MessageEncoder,
  type MessageHandler,
} from "@shoal/wire";

const BLOCK = 16_384;
const infoHash = new Uint8Array(20).fill(1);
const features = { fast: true, extended: false, dht: false, v2: false };
const payload = new Uint8Array(BLOCK).fill(7);

/** A peer is what it has to say, what it does when told something, and who it talks to. */
interface Peer {
  readonly id: string;
  readonly says: MessageEncoder;
  readonly does: Partial<MessageHandler>;
}

const seed: Peer = {
  id: "-SH0100-seedseedseed",
  says: new MessageEncoder(),
  does: {
    interested: () => seed.says.unchoke(),
    request: (piece, begin, length) =>
      seed.says.piece(piece, begin, payload.subarray(begin, begin + length)),
  },
};

let received = 0;
const leech: Peer = {
  id: "-SH0100-leechleechle",
  says: new MessageEncoder(),
  does: {
    haveAll: () => leech.says.interested(),
    unchoke: () => leech.says.request(0, 0, BLOCK),
    pieceStart: (piece, begin, length) => console.log("block", piece, begin, length), // → block 0 0 16384
    pieceData: (chunk, start, end) => {
      received += chunk.subarray(start, end).filter((byte) => byte === 7).length;
    },
    pieceEnd: () => console.log("received", received), // → received 16384
  },
};

/** Gives what `from` says to `to`, as the network would: as bytes, cut anywhere. */
function* pipe(from: Peer, to: Peer): Generator<void> {
  const handshake = new HandshakeDecoder();
  const decoder = new MessageDecoder(ignoringTheRest(to.does));
  let chunks = [encodeHandshake({ infoHash, peerId: new TextEncoder().encode(from.id), features })];
  for (;;) {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += 1000) {
        const cut = chunk.subarray(at, at + 1000);
        decoder.receive(cut.subarray(handshake.receive(cut)));
      }
    }
    yield;
    chunks = from.says.take();
  }
}

function ignoringTheRest(does: Partial<MessageHandler>): MessageHandler {
  const nothing = (): void => {};
  return new Proxy(does as MessageHandler, {
    get: (methods, name) => Reflect.get(methods, name) ?? nothing,
  });
}

seed.says.haveAll();
const wires = [pipe(seed, leech), pipe(leech, seed)];
while (received < BLOCK) for (const wire of wires) wire.next();
