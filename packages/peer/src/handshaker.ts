// The first 68 bytes each way: finds the torrent that a connection is for and hands it over.
import type { Alarm, Deadlines, Duplex, DuplexHandler } from "@shoal/core";
import { equalBytes } from "@shoal/core";
import { encodeHandshake, type Handshake, HandshakeDecoder } from "@shoal/wire";
import { PeerError } from "./error.ts";

/** What a handshake needs of its surroundings. */
export interface HandshakeHost {
  /** Monotonic ms. */
  now(): number;
  readonly deadlines: Deadlines;
  /**
   * What we answer to a remote that asks for this torrent.
   *
   * @returns undefined if we don't have it: the connection is ended.
   */
  answer(infoHash: Uint8Array): Handshake | undefined;
  /**
   * Both handshakes are exchanged.
   *
   * @returns who owns the stream from now on, already attached to it; undefined to end it.
   */
  ready(duplex: Duplex, theirs: Handshake, handshakeBytes: number): DuplexHandler | undefined;
  /** The connection ended before it was ready. */
  failed(duplex: Duplex, error: Error): void;
}

/** How long a remote may take for its handshake, in ms. */
const HANDSHAKE_MS = 10_000;

/**
 * Exchanges handshakes on a fresh stream.
 *
 * @param ours What we send first, when we dialled; undefined to wait for the remote's and answer.
 */
export function shakeHands(duplex: Duplex, host: HandshakeHost, ours?: Handshake): void {
  new Handshaker(duplex, host, ours).begin();
}

class Handshaker implements DuplexHandler {
  readonly #duplex: Duplex;
  readonly #host: HandshakeHost;
  readonly #decoder = new HandshakeDecoder();
  readonly #timeout: Alarm;
  #ours: Handshake | undefined;
  #sent = 0;
  #over = false;

  constructor(duplex: Duplex, host: HandshakeHost, ours: Handshake | undefined) {
    this.#duplex = duplex;
    this.#host = host;
    this.#ours = ours;
    this.#timeout = host.deadlines.alarm(() =>
      this.#fail(
        new PeerError("ERR_PEER_TIMEOUT", `no handshake within ${HANDSHAKE_MS / 1000} seconds`),
      ),
    );
  }

  begin(): void {
    this.#timeout.set(this.#host.now() + HANDSHAKE_MS);
    if (this.#ours !== undefined) this.#send(this.#ours);
    this.#duplex.attach(this);
  }

  received(chunk: Uint8Array): void {
    if (this.#over) return;
    try {
      const used = this.#decoder.receive(chunk);
      const theirs = this.#decoder.result;
      if (theirs === undefined) return;
      const owner = this.#complete(theirs);
      if (used < chunk.length) owner.received(chunk.subarray(used));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  flushed(): void {}

  closed(error: Error | undefined): void {
    this.#fail(
      error ?? new PeerError("ERR_PEER_HANDSHAKE", "the remote hung up during the handshake"),
    );
  }

  #complete(theirs: Handshake): DuplexHandler {
    const ours = this.#ours ?? this.#host.answer(theirs.infoHash);
    if (ours === undefined || !equalBytes(ours.infoHash, theirs.infoHash)) {
      throw new PeerError("ERR_PEER_HANDSHAKE", "the handshake is for another torrent than ours");
    }
    // Answered all the same when it is ourselves, so that the end which dialled sees it too.
    if (this.#ours === undefined) this.#send(ours);
    if (equalBytes(ours.peerId, theirs.peerId)) {
      throw new PeerError("ERR_PEER_SELF", "the remote is this very client");
    }
    const owner = this.#host.ready(this.#duplex, theirs, this.#sent);
    if (owner === undefined) {
      throw new PeerError("ERR_PEER_HANDSHAKE", "the torrent takes no further connection");
    }
    this.#over = true;
    this.#timeout.clear();
    return owner;
  }

  #send(ours: Handshake): void {
    this.#ours = ours;
    const bytes = encodeHandshake(ours);
    this.#sent = bytes.length;
    this.#duplex.write([bytes]);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#timeout.clear();
    this.#duplex.destroy(error);
    this.#host.failed(this.#duplex, error);
  }
}
