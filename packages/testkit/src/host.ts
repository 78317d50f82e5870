// A machine in the simulated network: dials, listens and sends datagrams.
import {
  type Datagrams,
  type Duplex,
  type Endpoint,
  formatEndpoint,
  type Listener,
  type Transport,
} from "@shoal/core";
import { HostDatagrams } from "./datagrams.ts";
import { TestkitError } from "./error.ts";
import { Line } from "./line.ts";
import { Pipe } from "./pipe.ts";
import { StreamEnd } from "./stream-end.ts";
import type { Station, Surroundings } from "./surroundings.ts";

/** What a host's connection to the network can do; without limits and delay by default. */
export interface HostOptions {
  readonly uploadBytesPerSecond?: number;
  readonly downloadBytesPerSecond?: number;
  /** From the host to the middle of the network, one way; a path has the sum of both hosts'. */
  readonly latencyMs?: number;
  /** The share of its datagrams that gets lost on the way out, 0–1. */
  readonly datagramLoss?: number;
}

/** A host as its users see it. */
export interface SimHost {
  readonly address: string;
  /** Streams from and to this host, of kind `memory`. Its listeners take `0.0.0.0` and `::` too. */
  transport(): Transport;
  /**
   * Binds a datagram socket; port 0, the default, takes a free one.
   *
   * @throws TestkitError `ERR_TESTKIT_ADDRESS_IN_USE`.
   */
  datagrams(port?: number): Datagrams;
}

/** A host and its ports. */
export class Host implements SimHost, Station {
  readonly address: string;
  readonly latencyMs: number;
  readonly up: Line;
  readonly down: Line;
  readonly #sockets = new Map<number, HostDatagrams>();
  readonly #listeners = new Map<number, (duplex: Duplex) => void>();
  readonly #surroundings: Surroundings;
  readonly #datagramLoss: number;
  #nextPort = 49_152;

  constructor(address: string, options: HostOptions, surroundings: Surroundings) {
    this.address = address;
    this.latencyMs = options.latencyMs ?? 0;
    this.#datagramLoss = options.datagramLoss ?? 0;
    this.up = new Line(options.uploadBytesPerSecond ?? Number.POSITIVE_INFINITY);
    this.down = new Line(options.downloadBytesPerSecond ?? Number.POSITIVE_INFINITY);
    this.#surroundings = surroundings;
  }

  transport(): Transport {
    return {
      kind: "memory",
      dial: (to, { signal }) => this.#dial(to, signal),
      listen: async (at, accept) => this.#listen(at, accept),
    };
  }

  datagrams(port = 0): Datagrams {
    const local = { address: this.address, port: this.#take(port, this.#sockets) };
    const socket = new HostDatagrams(this, local, this.#surroundings, this.#datagramLoss, () => {
      this.#sockets.delete(local.port);
    });
    this.#sockets.set(local.port, socket);
    return socket;
  }

  acceptor(port: number): ((duplex: Duplex) => void) | undefined {
    return this.#listeners.get(port);
  }

  datagram(port: number, bytes: Uint8Array, from: Endpoint): void {
    this.#sockets.get(port)?.take(bytes, from);
  }

  #listen(at: Endpoint, accept: (duplex: Duplex) => void): Listener {
    if (at.address !== this.address && at.address !== "0.0.0.0" && at.address !== "::") {
      throw new TestkitError(
        "ERR_TESTKIT_ADDRESS_UNAVAILABLE",
        `host ${this.address} can't listen at ${formatEndpoint(at)}`,
      );
    }
    const port = this.#take(at.port, this.#listeners);
    this.#listeners.set(port, accept);
    return {
      local: { address: at.address, port },
      close: async () => {
        if (this.#listeners.get(port) === accept) this.#listeners.delete(port);
      },
    };
  }

  /** Connects as TCP does: one way for the question, one back for the answer. */
  #dial(to: Endpoint, signal: AbortSignal): Promise<Duplex> {
    const { time, find, path, log } = this.#surroundings;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const local = { address: this.address, port: this.#take(0, this.#sockets) };
      const name = `${formatEndpoint(local)} → ${formatEndpoint(to)}`;
      const remote = find(to.address);
      // Nobody is there to answer: only the signal ends it.
      const way = remote === undefined ? undefined : path(this, remote);
      let near: Duplex | undefined;
      const arrive = time.deadlines.alarm((now) => {
        if (remote === undefined || way === undefined || way.isCut) return;
        near = this.#knock(remote, local, to, name);
        back.set(now + way.latencyMs);
      });
      const back = time.deadlines.alarm(() => {
        signal.removeEventListener("abort", abort);
        if (near !== undefined) {
          resolve(near);
          return;
        }
        log(`refuse ${name}`);
        reject(new TestkitError("ERR_TESTKIT_REFUSED", `nobody listens at ${formatEndpoint(to)}`));
      });
      const abort = (): void => {
        arrive.clear();
        back.clear();
        // The remote may have accepted already.
        near?.destroy();
        log(`abort ${name}`);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      arrive.set(time.now() + (way?.latencyMs ?? 0));
    });
  }

  /** Asks the remote for a connection. @returns our end, if somebody listens. */
  #knock(remote: Station, local: Endpoint, to: Endpoint, name: string): Duplex | undefined {
    const accept = remote.acceptor(to.port);
    if (accept === undefined) return undefined;
    const [near, far] = this.#connect(remote, local, to, name);
    this.#surroundings.log(`accept ${name}`);
    accept(far);
    return near;
  }

  #connect(remote: Station, local: Endpoint, to: Endpoint, name: string): [StreamEnd, StreamEnd] {
    const { time, path, pair, log } = this.#surroundings;
    const way = path(this, remote);
    let open = 2;
    const closed = (): void => {
      open--;
      if (open === 0) log(`close ${name}`);
    };
    const near = new StreamEnd(time, local, to, closed);
    const far = new StreamEnd(time, to, local, closed);
    const there = new Pipe(time, way, this.up, remote.down, ends(near, far));
    const back = new Pipe(time, way, remote.up, this.down, ends(far, near));
    near.connect(there, back);
    far.connect(back, there);
    pair(near, far);
    return [near, far];
  }

  #take(port: number, taken: ReadonlyMap<number, unknown>): number {
    if (port === 0) {
      while (taken.has(this.#nextPort)) this.#nextPort++;
      return this.#nextPort++;
    }
    if (!taken.has(port)) return port;
    throw new TestkitError(
      "ERR_TESTKIT_ADDRESS_IN_USE",
      `port ${port} of host ${this.address} is taken; choose another, or 0 for a free one`,
    );
  }
}

function ends(from: StreamEnd, to: StreamEnd): ConstructorParameters<typeof Pipe>[4] {
  return {
    flushed: (total) => from.flushed(total),
    finished: () => from.finished(),
    received: (chunk) => to.received(chunk),
    ended: () => to.ended(),
  };
}
