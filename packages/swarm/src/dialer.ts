// Connection attempts of one torrent: dial, shake hands, hand over.
import type { Duplex, DuplexHandler } from "@shoal/core";
import { shakeHands } from "@shoal/peer";
import type { KnownPeer } from "@shoal/policy";
import type { Handshake } from "@shoal/wire";
import type { SwarmSession } from "./host.ts";

/** What becomes of an attempt. */
export interface DialerHost {
  /** What we say first. */
  readonly handshake: Handshake;
  /** Handshakes are exchanged. @returns the stream's new owner, attached. */
  ready(known: KnownPeer, duplex: Duplex, theirs: Handshake, handshakeBytes: number): DuplexHandler;
  failed(known: KnownPeer, error: unknown): void;
}

/** The attempts under way. */
export class Dialer {
  readonly #session: SwarmSession;
  readonly #host: DialerHost;
  readonly #attempts: Map<KnownPeer, AbortController> = new Map();

  constructor(session: SwarmSession, host: DialerHost) {
    this.#session = session;
    this.#host = host;
  }

  /** Attempts under way. */
  get size(): number {
    return this.#attempts.size;
  }

  dial(known: KnownPeer): void {
    const attempt = new AbortController();
    this.#attempts.set(known, attempt);
    this.#session.dial(known.endpoint, attempt.signal).then(
      (duplex) => this.#connected(known, attempt, duplex),
      (error: unknown) => this.#failed(known, attempt, error),
    );
  }

  cancelAll(): void {
    for (const attempt of this.#attempts.values()) attempt.abort();
  }

  #connected(known: KnownPeer, attempt: AbortController, duplex: Duplex): void {
    if (attempt.signal.aborted) {
      duplex.destroy();
      this.#failed(known, attempt, attempt.signal.reason);
      return;
    }
    attempt.signal.addEventListener("abort", () => duplex.destroy(), { once: true });
    shakeHands(
      duplex,
      {
        now: () => this.#session.clock.now(),
        deadlines: this.#session.deadlines,
        answer: () => undefined,
        ready: (stream, theirs, bytes) => {
          this.#attempts.delete(known);
          this.#session.budget.dialEnded(true);
          return this.#host.ready(known, stream, theirs, bytes);
        },
        failed: (_stream, error) => this.#failed(known, attempt, error),
      },
      this.#host.handshake,
    );
  }

  #failed(known: KnownPeer, attempt: AbortController, error: unknown): void {
    if (this.#attempts.get(known) !== attempt) return;
    this.#attempts.delete(known);
    this.#session.budget.dialEnded(false);
    this.#host.failed(known, error);
  }
}
