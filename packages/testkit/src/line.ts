// One direction of a host's connection to the network: a queue with a rate.

/** Hands out time on the line, first come first served. */
export class Line {
  /** The most that one packet carries, so that none holds the line for long. */
  readonly packetSize: number;
  readonly #bytesPerMs: number;
  #freeAt = 0;
  readonly #spare: Buffer[] = [];

  /** @param bytesPerSecond may be `Infinity`. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.packetSize = Math.round(
      Math.min(Math.max(this.#bytesPerMs * PACKET_MS, SMALLEST_PACKET), LARGEST_PACKET),
    );
  }

  /** Takes the line for that many bytes from `from` (ms) on. @returns when they are through. */
  reserve(bytes: number, from: number): number {
    this.#freeAt = Math.max(from, this.#freeAt) + bytes / this.#bytesPerMs;
    return this.#freeAt;
  }

  /** Memory for a packet that goes out on this line. */
  packet(size: number): Buffer {
    if (size < this.packetSize) return Buffer.allocUnsafe(size);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes a packet's memory back. Whoever kept a view of it, against the rule, shall notice. */
  recycle(packet: Buffer): void {
    packet.fill(SPOILT);
    if (packet.length === this.packetSize) this.#spare.push(packet);
  }
}

/** What a chunk holds after the call that it was valid for. */
const SPOILT = 0xdd;
const PACKET_MS = 16;
const SMALLEST_PACKET = 1460;
const LARGEST_PACKET = 65_536;
