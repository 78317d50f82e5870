// One end of a simulated stream.
import type { Alarm, Duplex, DuplexHandler, Endpoint } from "@shoal/core";
import type { Pipe } from "./pipe.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How long the remote may take to end its side, in ms: as TCP streams of `@shoal/net` do. */
const END_TIMEOUT_MS = 3000;

/** A memory stream that behaves as a TCP socket does. */
export class StreamEnd implements Duplex {
  readonly kind = "memory";
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #time: VirtualTime;
  readonly #cut: Alarm;
  readonly #close: Alarm;
  readonly #onClose: () => void;
  #out: Pipe | undefined;
  #in: Pipe | undefined;
  #handler: DuplexHandler | undefined;
  #isPaused = false;
  #hasSent = false;
  #hasReceived = false;
  #state: "open" | "closing" | "closed" = "open";
  #error: Error | undefined;

  constructor(time: VirtualTime, local: Endpoint, remote: Endpoint, onClose: () => void) {
    this.#time = time;
    this.local = local;
    this.remote = remote;
    this.#onClose = onClose;
    this.#cut = time.deadlines.alarm(() => this.destroy());
    this.#close = time.deadlines.alarm(() => this.#closed());
  }

  /** Gives the end its two directions, before anything else. */
  connect(out: Pipe, into: Pipe): void {
    this.#out = out;
    this.#in = into;
  }

  attach(handler: DuplexHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (!first) return;
    if (this.#state === "closed") this.#close.set(this.#time.now());
    else if (!this.#isPaused) this.#in?.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#state === "open") this.#out?.write(chunks);
  }

  pause(): void {
    this.#isPaused = true;
    this.#in?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#handler !== undefined) this.#in?.resume();
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#out?.finish();
    this.#cut.setEarlier(this.#time.now() + END_TIMEOUT_MS);
  }

  destroy(error?: Error): void {
    if (this.#state !== "open") return;
    this.#error = error;
    this.#state = "closing";
    this.#out?.abort();
    this.#in?.deafen();
    this.#close.set(this.#time.now());
  }

  /** Bytes arrived. */
  received(chunk: Uint8Array): void {
    this.#handler?.received(chunk);
  }

  /** Bytes left. */
  flushed(total: number): void {
    if (this.#state === "open") this.#handler?.flushed(total);
  }

  /** Everything left. */
  finished(): void {
    this.#hasSent = true;
    this.#endIfBoth();
  }

  /** The remote ended its side. */
  ended(): void {
    this.#hasReceived = true;
    this.end();
    this.#endIfBoth();
  }

  #endIfBoth(): void {
    if (this.#hasSent && this.#hasReceived) this.destroy();
  }

  #closed(): void {
    if (this.#state !== "closed") {
      this.#state = "closed";
      this.#cut.clear();
      this.#onClose();
    }
    this.#handler?.closed(this.#error);
  }
}
