// A network of datagrams on virtual time, light enough for ten thousand nodes in one process.
import {
  type Clock,
  createRng,
  type Datagrams,
  Deadlines,
  type Endpoint,
  type Rng,
} from "@shoal/core";
import type { DhtHost } from "../src/options.ts";

/** Latencies are whole ms below this. */
const HORIZON_MS = 1024;

/** Everything that nodes of a simulation share. */
export class SimNetwork {
  readonly deadlines: Deadlines = new Deadlines();
  readonly rng: Rng;
  readonly clock: Clock = { now: () => this.#now };
  /** Datagrams and bytes sent so far. */
  sent = 0;
  bytes = 0;
  /** Share of datagrams that get lost, 0–1. */
  loss = 0;
  /** Sees every datagram; what it returns `false` for is lost. */
  filter: ((bytes: Uint8Array, from: Endpoint, to: Endpoint) => boolean) | undefined;
  #now = 0;
  #underWay = 0;
  /** By address: those of its ports. */
  readonly #sockets = new Map<string, readonly Receiver[]>();
  readonly #calendar: Arrival[][] = Array.from({ length: HORIZON_MS }, () => []);

  constructor(seed: number) {
    this.rng = createRng(seed);
  }

  /** A host for a node. */
  host(): DhtHost {
    return {
      clock: this.clock,
      deadlines: this.deadlines,
      rng: this.rng,
      entropy: (size) => {
        const bytes = new Uint8Array(size);
        for (let i = 0; i < size; i++) bytes[i] = this.rng() * 256;
        return bytes;
      },
    };
  }

  /** @param delayMs What its line adds to each way. */
  socket(local: Endpoint, delayMs: number = 5 + Math.floor(this.rng() * 60)): Datagrams {
    return {
      local,
      attach: (receive) => {
        const others = this.#receivers(local.address).filter(({ port }) => port !== local.port);
        this.#sockets.set(local.address, [...others, { port: local.port, receive }]);
      },
      send: (bytes, to) => {
        this.sent++;
        this.bytes += bytes.length;
        if (this.loss > 0 && this.rng() < this.loss) return;
        if (this.filter?.(bytes, local, to) === false) return;
        this.#underWay++;
        // The other line's delay is as random as ours.
        const delay = Math.min(delayMs + 5 + Math.floor(this.rng() * 60), HORIZON_MS - 1);
        this.#calendar[(this.#now + delay) % HORIZON_MS]?.push({ bytes, from: local, to });
      },
      close: async () => {
        const others = this.#receivers(local.address).filter(({ port }) => port !== local.port);
        if (others.length > 0) this.#sockets.set(local.address, others);
        else this.#sockets.delete(local.address);
      },
    };
  }

  /** Runs until the condition holds or so much time has passed; tells whether it holds. */
  async run(until: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    await drain();
    while (!until()) {
      if (this.#now >= end) return false;
      this.#step(end);
      await drain();
    }
    return true;
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    await this.run(() => false, ms);
  }

  /** Waits for a promise, in virtual time. */
  async settle<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    if (!(await this.run(() => isSettled, limitMs))) throw new Error("nothing in time");
    return promise;
  }

  /** To the next ms in which something happens. */
  #step(end: number): void {
    const alarm = Math.ceil(this.deadlines.nextDeadline() ?? Number.POSITIVE_INFINITY);
    let next = Math.min(end, Math.max(alarm, this.#now + 1));
    if (this.#underWay > 0) {
      for (let at = this.#now + 1; at < next; at++) {
        if ((this.#calendar[at % HORIZON_MS]?.length ?? 0) > 0) next = at;
      }
    }
    this.#now = next;
    const arrivals = this.#calendar[next % HORIZON_MS];
    if (arrivals !== undefined && arrivals.length > 0) {
      this.#calendar[next % HORIZON_MS] = [];
      for (const arrival of arrivals) this.#deliver(arrival);
    }
    this.deadlines.advance(next);
  }

  #deliver({ bytes, from, to }: Arrival): void {
    this.#underWay--;
    for (const { port, receive } of this.#receivers(to.address)) {
      if (port === to.port) receive(bytes, from);
    }
  }

  #receivers(address: string): readonly Receiver[] {
    return this.#sockets.get(address) ?? [];
  }
}

interface Receiver {
  readonly port: number;
  readonly receive: (bytes: Uint8Array, from: Endpoint) => void;
}

/** A datagram under way. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** An address that nobody else's /24 has. @param index 0–5,000,000. */
export function addressOf(index: number): string {
  const low = Math.floor(index / 79);
  return `${11 + (index % 79)}.${low % 256}.${Math.floor(low / 256)}.1`;
}

/** Lets all promises run that can. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
