// Messages on their way out: gathered during a turn of the event loop, written in one vectored call.
import type { Duplex } from "@shoal/core";
import { MessageEncoder } from "@shoal/wire";

/** The write side of one connection. */
export class Outbox {
  /** Put messages here; `flush` sends them. */
  readonly messages: MessageEncoder = new MessageEncoder();
  /** When something was last written, in ms: for keep-alives. */
  lastWriteAt: number;
  readonly #duplex: Duplex;
  #written = 0;
  #flushed = 0;
  /** How much had left when it was last looked at, and since when nothing more has, in ms. */
  readonly #seen: { flushed: number; at: number };

  /** @param written Bytes written to the stream before, as the handshake's. */
  constructor(duplex: Duplex, written: number, now: number) {
    this.#duplex = duplex;
    this.#written = written;
    this.lastWriteAt = now;
    this.#seen = { flushed: 0, at: now };
  }

  /** Bytes that have not left yet, gathered ones included. */
  get queuedBytes(): number {
    return this.#written - this.#flushed + this.messages.pendingBytes;
  }

  /** Where in the stream the next gathered byte will lie: what `flushed` counts up to. */
  get position(): number {
    return this.#written + this.messages.pendingBytes;
  }

  /** The stream reports that `total` bytes have left since it began. */
  flushed(total: number): void {
    this.#flushed = total;
  }

  /** For how long nothing of what was written has left, in ms. To be asked once a second or so. */
  stalledFor(now: number): number {
    if (this.#flushed !== this.#seen.flushed || this.#flushed === this.#written) {
      this.#seen.flushed = this.#flushed;
      this.#seen.at = now;
    }
    return now - this.#seen.at;
  }

  flush(now: number): void {
    const bytes = this.messages.pendingBytes;
    if (bytes === 0) return;
    this.#written += bytes;
    this.lastWriteAt = now;
    this.#duplex.write(this.messages.take());
  }
}
