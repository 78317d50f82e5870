// Bytes that wait to be sent: chunks as they were written, cut into packets as they leave.

/** First in, first out. Chunks are not copied before they leave. */
export class SendQueue {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }

  /** Moves the next bytes into `packet`, filling it; there must be as many. */
  fill(packet: Uint8Array): void {
    let at = 0;
    let used = 0;
    for (; at < packet.length; used++) {
      const chunk = this.#chunks[used] as Uint8Array;
      const left = packet.length - at;
      if (chunk.length > left) {
        packet.set(chunk.subarray(0, left), at);
        this.#chunks[used] = chunk.subarray(left);
        break;
      }
      packet.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks.splice(0, used);
    this.#length -= packet.length;
  }
}
