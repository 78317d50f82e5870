// A peer that does what a script says, for playing the other side of a connection.
import type { Duplex } from "@shoal/core";
import {
  encodeHandshake,
  type Handshake,
  HandshakeDecoder,
  MessageDecoder,
  MessageEncoder,
  type MessageHandler,
} from "@shoal/wire";

/** What to do when something comes; nothing where a method is missing. */
export interface PeerScript extends Partial<MessageHandler> {
  /** The remote's handshake came. */
  handshake?(theirs: Handshake, peer: ScriptedPeer): void;
  /** Everything written so far has left. */
  drained?(): void;
  /** The connection is over. */
  closed?(error: Error | undefined): void;
}

/** Speaks the peer wire over a stream: reads politely, writes whatever it is told. */
export class ScriptedPeer {
  /** Encodes messages, which {@link flush} sends. */
  readonly encoder: MessageEncoder = new MessageEncoder();
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  readonly #duplex: Duplex;
  #written = 0;

  /** Attaches to the stream. What the remote sends wrong ends the connection. */
  constructor(duplex: Duplex, script: PeerScript = {}) {
    this.#duplex = duplex;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    const handshake = new HandshakeDecoder();
    const messages = new MessageDecoder({ ...DEAF, ...script });
    duplex.attach({
      received: (chunk) => {
        try {
          let used = 0;
          if (handshake.result === undefined) {
            used = handshake.receive(chunk);
            if (handshake.result !== undefined) script.handshake?.(handshake.result, this);
          }
          if (used < chunk.length) messages.receive(chunk.subarray(used));
        } catch (error) {
          duplex.destroy(error as Error);
        }
      },
      flushed: (total) => {
        if (total === this.#written) script.drained?.();
      },
      closed: (error) => {
        script.closed?.(error);
        resolve();
      },
    });
  }

  /** Sends a handshake with the Fast extension and the extension protocol. */
  handshake(infoHash: Uint8Array, peerId: Uint8Array): void {
    const features = { fast: true, extended: true, dht: false, v2: false };
    this.raw(encodeHandshake({ infoHash, peerId, features }));
  }

  /** Sends any bytes. They must not change before they have left. */
  raw(bytes: Uint8Array): void {
    this.#written += bytes.length;
    this.#duplex.write([bytes]);
  }

  /** Sends what was encoded. */
  flush(): void {
    this.#written += this.encoder.pendingBytes;
    this.#duplex.write(this.encoder.take());
  }
}

const ignore = (): void => {};

const DEAF: MessageHandler = {
  keepAlive: ignore,
  choke: ignore,
  unchoke: ignore,
  interested: ignore,
  notInterested: ignore,
  have: ignore,
  bitfield: ignore,
  request: ignore,
  cancel: ignore,
  reject: ignore,
  pieceStart: ignore,
  pieceData: ignore,
  pieceEnd: ignore,
  port: ignore,
  suggest: ignore,
  haveAll: ignore,
  haveNone: ignore,
  allowedFast: ignore,
  extended: ignore,
  hashRequest: ignore,
  hashes: ignore,
  hashReject: ignore,
  unknown: ignore,
};
