// One direction of a host's connection to the network: a queue with a rate.

/** Hands out time on the line, first come first served. */
export class Line {
  /** The most that one packet carries, so that none holds the line for long. */
  readonly packetSize: number;
  readonly #bytesPerMs: number;
  #freeAt = 0;

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
}

const PACKET_MS = 16;
const SMALLEST_PACKET = 1460;
const LARGEST_PACKET = 65_536;
