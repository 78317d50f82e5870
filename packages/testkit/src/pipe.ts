// One direction of a simulated stream: a send queue, a line out, bytes in flight, a line in.
import type { Alarm } from "@shoal/core";
import type { Line } from "./line.ts";
import type { Path, Traffic } from "./path.ts";
import { SendQueue } from "./send-queue.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The two ends of a {@link Pipe}; called from turns of their own. */
export interface PipeEnds {
  /** That many bytes since the beginning have left the sender. */
  flushed(total: number): void;
  /** Everything written before `finish` has left the sender. */
  finished(): void;
  /** Bytes arrived; valid during the call. */
  received(chunk: Uint8Array): void;
  /** Nothing more will arrive. */
  ended(): void;
}

/** Bytes under way: the end of the stream if there are none. */
interface Packet {
  readonly bytes: Buffer;
  /** When its first byte arrives. */
  readonly arrivesAt: number;
  /** Whether it has passed the receiver's line. */
  isIn: boolean;
}

/** Bytes that may be under way or wait for a paused receiver, as in a socket's buffers. */
const WINDOW = 256 * 1024;

/** Carries bytes in order; starts paused. */
export class Pipe implements Traffic {
  readonly #time: VirtualTime;
  readonly #path: Path;
  readonly #up: Line;
  readonly #down: Line;
  readonly #ends: PipeEnds;
  readonly #leave: Alarm;
  readonly #arrive: Alarm;
  readonly #queue = new SendQueue();
  /** Bytes of the packet that is on the sender's line. */
  #leaving = 0;
  #flushed = 0;
  readonly #underWay: Packet[] = [];
  #inWindow = 0;
  #state: "open" | "finishing" | "finished" = "open";
  #isPaused = true;
  #isDeaf = false;

  constructor(time: VirtualTime, path: Path, up: Line, down: Line, ends: PipeEnds) {
    this.#time = time;
    this.#path = path;
    this.#up = up;
    this.#down = down;
    this.#ends = ends;
    this.#leave = time.deadlines.alarm(() => this.#left());
    this.#arrive = time.deadlines.alarm(() => this.#arrived());
    path.traffic.add(this);
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#state !== "open") return;
    for (const chunk of chunks) this.#queue.push(chunk);
    this.go();
  }

  /** Ends the stream after what was written. */
  finish(): void {
    if (this.#state !== "open") return;
    this.#state = "finishing";
    this.go();
  }

  /** Drops what has not left and ends the stream. */
  abort(): void {
    if (this.#state === "finished") return;
    this.#state = "finishing";
    this.#queue.clear();
    this.#leaving = 0;
    this.#leave.clear();
    this.go();
  }

  pause(): void {
    this.#isPaused = !this.#isDeaf;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#underWay[0]?.isIn) this.#arrive.set(this.#time.now());
  }

  /** The receiver is gone: what arrives vanishes, so that the sender is not held up. */
  deafen(): void {
    this.#isDeaf = true;
    this.resume();
  }

  /** Puts the next packet on the sender's line, if there is one and it may go. */
  go(): void {
    if (this.#leave.isSet || this.#path.isCut || this.#state === "finished") return;
    if (this.#queue.length === 0 && this.#state === "open") return;
    const size = Math.min(this.#queue.length, this.#up.packetSize, WINDOW - this.#inWindow);
    if (size === 0 && this.#queue.length > 0) return;
    this.#leaving = size;
    this.#leave.set(this.#up.reserve(size, this.#time.now()));
  }

  #left(): void {
    // Cut meanwhile: it is sent again when the path is whole.
    if (this.#path.isCut) return;
    const size = this.#leaving;
    if (size === 0) this.#state = "finished";
    // Copied out now: the memory is the writer's again once its bytes have left.
    const packet = this.#up.packet(size);
    this.#queue.fill(packet);
    this.#launch(packet);
    if (size === 0) {
      this.#ends.finished();
      return;
    }
    this.#flushed += size;
    this.#ends.flushed(this.#flushed);
    this.go();
  }

  #launch(bytes: Buffer): void {
    const arrivesAt = this.#time.now() + this.#path.latencyMs;
    this.#underWay.push({ bytes, arrivesAt, isIn: false });
    this.#inWindow += bytes.length;
    if (this.#underWay.length === 1) this.#arrive.set(arrivesAt);
  }

  #arrived(): void {
    const packet = this.#underWay[0];
    if (packet === undefined) return;
    const now = this.#time.now();
    if (!packet.isIn) {
      packet.isIn = true;
      const inAt = this.#down.reserve(packet.bytes.length, now);
      if (inAt > now) {
        this.#arrive.set(inAt);
        return;
      }
    }
    if (this.#isPaused) return;
    this.#underWay.shift();
    this.#inWindow -= packet.bytes.length;
    const next = this.#underWay[0];
    if (next !== undefined) this.#arrive.set(Math.max(next.arrivesAt, now));
    this.#deliver(packet.bytes);
    this.go();
  }

  #deliver(bytes: Buffer): void {
    if (bytes.length === 0) this.#path.traffic.delete(this);
    if (!this.#isDeaf) {
      if (bytes.length === 0) this.#ends.ended();
      else this.#ends.received(bytes);
    }
    this.#up.recycle(bytes);
  }
}
