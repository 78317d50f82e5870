// Queries under way: who was asked what, and what becomes of it. One alarm for all of them.
import type { Alarm, Endpoint, Entropy } from "@shoal/core";
import { encodeQuery, type KrpcError, type KrpcReply, type KrpcValues } from "./krpc.ts";

/** An answer that has not come by now is given up, in ms. */
const TIMEOUT_MS = 10_000;
/** Bounds of the time after which somebody else is asked meanwhile, in ms. */
const SLOW_MIN_MS = 200;
const SLOW_MAX_MS = 1500;
/** Most queries under way. */
const MAX_CALLS = 4096;
const TRANSACTION_LENGTH = 4;
/** Transaction ids for which randomness is drawn at a time. */
const BATCH = 64;

/** Who asked. Exactly one of `replied`, `refused` and `failed` is called; none may throw. */
export interface CallHandler {
  /** @param rtt Round-trip time in ms. */
  replied(reply: KrpcReply, rtt: number): void;
  /** The other answered with an error. */
  refused(error: KrpcError): void;
  /** An answer is overdue: time to ask somebody else. It may still come. */
  slow?(): void;
  /** No answer came. */
  failed(): void;
}

/** What {@link Rpc} needs. */
export interface RpcHost {
  readonly entropy: Entropy;
  readonly alarm: (ring: (now: number) => void) => Alarm;
  send(bytes: Uint8Array, to: Endpoint): void;
}

/** The client side of KRPC for one socket. */
export class Rpc {
  readonly #host: RpcHost;
  readonly #alarm: Alarm;
  /** By transaction, in the order of sending, which is that of their ends. */
  readonly #calls = new Map<number, Call>();
  /** Those of `#calls` that are not slow yet, in the same order. */
  readonly #fresh = new Map<number, Call>();
  /** Mean and mean deviation of round-trip times in ms. */
  #rtt = 300;
  #deviation = 150;
  #noise: Uint8Array = new Uint8Array(0);
  #noiseAt = 0;
  #isClosed = false;

  constructor(host: RpcHost) {
    this.#host = host;
    this.#alarm = host.alarm((now) => this.#ring(now));
  }

  /** How many queries are under way. */
  get pending(): number {
    return this.#calls.size;
  }

  /**
   * Sends a query. Calls nothing of the handler before it returns.
   *
   * @returns `false` if too many are under way or it is closed: nothing was sent and nothing will be called.
   */
  query(
    to: Endpoint,
    method: string,
    args: KrpcValues,
    options: { readonly readOnly: boolean; readonly handler: CallHandler; readonly now: number },
  ): boolean {
    if (this.#isClosed || this.#calls.size >= MAX_CALLS) return false;
    const transaction = this.#transaction();
    const key = keyOf(transaction);
    const call: Call = { to, sentAt: options.now, handler: options.handler };
    this.#calls.set(key, call);
    this.#fresh.set(key, call);
    this.#alarm.setEarlier(options.now + this.#slowAfter());
    this.#host.send(encodeQuery(transaction, method, args, options.readOnly), to);
    return true;
  }

  /** Whether the message answers a query of ours: of the right transaction, from where we asked. */
  receive(message: KrpcReply | KrpcError, from: Endpoint, now: number): boolean {
    if (message.transaction.length !== TRANSACTION_LENGTH) return false;
    const key = keyOf(message.transaction);
    const call = this.#calls.get(key);
    if (call === undefined || call.to.port !== from.port) return false;
    if (call.to.address !== from.address) return false;
    this.#calls.delete(key);
    this.#fresh.delete(key);
    const rtt = now - call.sentAt;
    this.#deviation += (Math.abs(rtt - this.#rtt) - this.#deviation) / 8;
    this.#rtt += (rtt - this.#rtt) / 8;
    if (message.kind === "reply") call.handler.replied(message, rtt);
    else call.handler.refused(message);
    return true;
  }

  /** Gives up all queries and takes no more. */
  close(): void {
    this.#isClosed = true;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#fresh.clear();
    this.#alarm.clear();
    for (const { handler } of calls) handler.failed();
  }

  #ring(now: number): void {
    const late: (() => void)[] = [];
    const slowAfter = this.#slowAfter();
    for (const [key, call] of this.#fresh) {
      if (call.sentAt + slowAfter > now) break;
      this.#fresh.delete(key);
      late.push(() => call.handler.slow?.());
    }
    for (const [key, call] of this.#calls) {
      if (call.sentAt + TIMEOUT_MS > now) break;
      this.#calls.delete(key);
      this.#fresh.delete(key);
      late.push(() => call.handler.failed());
    }
    for (const tell of late) tell();
    for (const { sentAt } of this.#fresh.values()) {
      this.#alarm.setEarlier(sentAt + slowAfter);
      break;
    }
    for (const { sentAt } of this.#calls.values()) {
      this.#alarm.setEarlier(sentAt + TIMEOUT_MS);
      break;
    }
  }

  #slowAfter(): number {
    return Math.min(Math.max(this.#rtt + 4 * this.#deviation, SLOW_MIN_MS), SLOW_MAX_MS);
  }

  /** A transaction id that can't be guessed and is not in use. */
  #transaction(): Uint8Array {
    for (;;) {
      if (this.#noiseAt >= this.#noise.length) {
        this.#noise = this.#host.entropy(BATCH * TRANSACTION_LENGTH);
        this.#noiseAt = 0;
      }
      const made = this.#noise.slice(this.#noiseAt, this.#noiseAt + TRANSACTION_LENGTH);
      this.#noiseAt += TRANSACTION_LENGTH;
      if (!this.#calls.has(keyOf(made))) return made;
    }
  }
}

interface Call {
  readonly to: Endpoint;
  readonly sentAt: number;
  readonly handler: CallHandler;
}

function keyOf(transaction: Uint8Array): number {
  let key = 0;
  for (let i = 0; i < TRANSACTION_LENGTH; i++) key = (key << 8) | (transaction[i] ?? 0);
  return key;
}
