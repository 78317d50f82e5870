// A machine with a gateway in memory, on virtual time.
import { setImmediate as turn } from "node:timers/promises";
import { type Datagrams, Deadlines, type Endpoint, type Transport } from "@shoal/core";
import type { Gateway, Mapping, PortMapProtocol } from "../src/method.ts";
import { createPortMapper, type PortMapper } from "../src/port-mapper.ts";
import { PcpServer } from "./pcp-server.ts";

const ROUTER = "192.168.1.1";
const LOCAL = "192.168.1.5";

export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;

/** The machine; the test sets what its gateway does, and passes the time. */
export class World {
  now = 0;
  readonly deadlines: Deadlines = new Deadlines();
  readonly server: PcpServer = new PcpServer();
  gateways: readonly Gateway[] = [{ address: ROUTER, local: LOCAL }];
  readonly mapped: Mapping[] = [];
  readonly warnings: Error[] = [];
  /** Sockets that are open. */
  readonly sockets: Set<Datagrams> = new Set();
  /** All datagrams: when, and to whom. */
  readonly sent: { readonly at: number; readonly to: string }[] = [];
  /** What each datagram to the gateway's port is answered with, and by whom. */
  answers: (request: Uint8Array) => readonly (readonly [Uint8Array, Endpoint])[] = (request) => {
    const answer = this.server.answer(request, LOCAL);
    return answer === undefined ? [] : [[answer, { address: ROUTER, port: 5351 }]];
  };
  /** Searches by SSDP. */
  searches: (() => readonly (readonly [string, Endpoint])[]) | undefined;
  tcp: Pick<Transport, "dial"> = { dial: () => Promise.reject(new Error("nobody there")) };
  readonly mapper: PortMapper;

  constructor(protocols: readonly PortMapProtocol[] = ["pcp", "nat-pmp"]) {
    this.mapper = createPortMapper({
      clock: { now: () => this.now },
      deadlines: this.deadlines,
      entropy: (size) => new Uint8Array(size).map((_, i) => i + 16 * this.#nonces++),
      udp: async (at) => this.#socket(at),
      tcp: { dial: (to, options) => this.tcp.dial(to, options) },
      gateways: () => this.gateways,
      mapped: (mapping) => this.mapped.push(mapping),
      warn: (error) => this.warnings.push(error),
      protocols,
    });
  }

  #nonces = 1;

  /** Lets everything happen that waits for no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await turn();
  }

  /** Passes time, in ms. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.settle();
    for (let next = this.deadlines.nextDeadline(); next !== undefined && next <= end; ) {
      this.now = Math.max(this.now, next);
      this.deadlines.advance(this.now);
      await this.settle();
      next = this.deadlines.nextDeadline();
    }
    this.now = end;
  }

  /** What the gateway was asked since the last call. */
  requests(): string[] {
    return this.server.requests.splice(0).map(({ what }) => what);
  }

  #socket(at: Endpoint): Datagrams {
    let receive: ((bytes: Uint8Array, from: Endpoint) => void) | undefined;
    const socket: Datagrams = {
      local: { ...at, port: 50_000 },
      attach: (receiver) => {
        receive = receiver;
      },
      send: (bytes, to) => {
        this.sent.push({ at: this.now, to: `${to.address}:${to.port}` });
        const answers =
          to.port === 5351
            ? this.answers(bytes)
            : (this.searches?.() ?? []).map(([text, from]) => [Buffer.from(text), from] as const);
        for (const [answer, from] of answers) queueMicrotask(() => receive?.(answer, from));
      },
      close: async () => {
        receive = undefined;
        this.sockets.delete(socket);
      },
    };
    this.sockets.add(socket);
    return socket;
  }
}
