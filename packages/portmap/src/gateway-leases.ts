// The mappings of all wanted ports at one gateway: granted, renewed, tried again, given back.
import { type Alarm, asError, isLocal } from "@shoal/core";
import { PortMapError } from "./error.ts";
import type {
  Gateway,
  Mapping,
  MapRequest,
  Method,
  MethodHost,
  PortMapProtocol,
  WantedPort,
} from "./method.ts";
import { PcpMethod } from "./pcp-method.ts";
import { UpnpMethod } from "./upnp-method.ts";

/** Ms to rest after the first failure; doubled with each more, up to an hour. */
const REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;
/** Ms between attempts at least, whatever a gateway says of lifetimes. */
const SHORTEST_MS = 10_000;
/** Ms after which a lease is renewed at the latest: its gateway may have forgotten it. */
const LONGEST_MS = 12 * 3_600_000;

/** What leases need, and whom they tell. */
export interface LeasesHost extends MethodHost {
  mapped(mapping: Mapping): void;
  warn(error: Error): void;
}

/** A port that is wanted, and what became of that. */
interface Lease {
  readonly wanted: WantedPort;
  readonly nonce: Uint8Array;
  /** Ms of the host's clock: when the gateway is asked next; Infinity while it is asked. */
  dueAt: number;
  /** In a row. */
  failures: number;
  held: { readonly mapping: Mapping; readonly method: Method; readonly endsAt: number } | undefined;
}

/** Asks for one mapping after the other, by the method that worked before or the first that does. */
export class GatewayLeases {
  readonly #host: LeasesHost;
  readonly #methods: readonly Method[];
  readonly #leases = new Map<string, Lease>();
  readonly #alarm: Alarm;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;
  /** Told of once, until something works again. */
  #hasWarned = false;

  constructor(host: LeasesHost, gateway: Gateway, protocols: readonly PortMapProtocol[]) {
    this.#host = host;
    this.#methods = methodsOf(host, gateway, protocols);
    for (const method of this.#methods) method.onStateLost = () => this.#renewAll(method);
    this.#alarm = host.deadlines.alarm(() => this.#work());
  }

  /** What is granted at present. */
  get mappings(): readonly Mapping[] {
    const now = this.#host.clock.now();
    return [...this.#leases.values()].flatMap(({ held }) =>
      held !== undefined && held.endsAt > now ? [held.mapping] : [],
    );
  }

  /** Wants a port; once is enough. */
  map(wanted: WantedPort): void {
    const key = `${wanted.protocol} ${wanted.port}`;
    if (this.#leases.has(key) || this.#methods.length === 0) return;
    const dueAt = this.#host.clock.now();
    const nonce = this.#host.entropy(12);
    this.#leases.set(key, { wanted, nonce, dueAt, failures: 0, held: undefined });
    this.#work();
  }

  /** Gives everything back. Never rejects, and resolves at the latest when `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    this.#alarm.clear();
    await this.#working;
    const leases = [...this.#leases.values()];
    this.#leases.clear();
    await Promise.allSettled(
      leases.map(async (lease) => lease.held?.method.unmap(requestOf(lease), signal)),
    );
  }

  #work(): void {
    if (this.#working !== undefined || this.#stop.signal.aborted) return;
    this.#working = this.#serveDue().finally(() => {
      this.#working = undefined;
      if (!this.#stop.signal.aborted) this.#rest();
    });
  }

  #rest(): void {
    const next = Math.min(...[...this.#leases.values()].map(({ dueAt }) => dueAt));
    if (Number.isFinite(next)) this.#alarm.set(next);
  }

  /** Never rejects. */
  async #serveDue(): Promise<void> {
    for (const lease of this.#leases.values()) {
      if (this.#stop.signal.aborted) return;
      if (lease.dueAt <= this.#host.clock.now()) await this.#serve(lease);
    }
  }

  async #serve(lease: Lease): Promise<void> {
    lease.dueAt = Number.POSITIVE_INFINITY;
    const failures: Error[] = [];
    const first = lease.held?.method;
    for (const method of first
      ? [first, ...this.#methods.filter((m) => m !== first)]
      : this.#methods) {
      try {
        const mapping = await method.map(requestOf(lease), this.#stop.signal);
        this.#granted(lease, method, mapping);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        failures.push(asError(error));
      }
    }
    this.#failed(lease, failures);
  }

  #granted(lease: Lease, method: Method, mapping: Mapping): void {
    const now = this.#host.clock.now();
    const before = lease.held;
    lease.failures = 0;
    lease.held = { mapping, method, endsAt: now + 1000 * mapping.lifetime };
    const half = Math.min(Math.max(500 * mapping.lifetime, SHORTEST_MS), LONGEST_MS);
    lease.dueAt = now + half;
    this.#hasWarned = false;
    const isNew = before === undefined || before.endsAt <= now;
    if (isNew || !isSameOutside(before.mapping, mapping)) this.#host.mapped(mapping);
  }

  #failed(lease: Lease, failures: readonly Error[]): void {
    const now = this.#host.clock.now();
    if (lease.held !== undefined && lease.held.endsAt <= now) lease.held = undefined;
    const asked = failures.map((error) => (error instanceof PortMapError ? error.retryAfter : 0));
    const rest = Math.max(REST_MS * 2 ** Math.min(lease.failures++, 10), 1000 * Math.max(...asked));
    // Half of what is left of a mapping, as RFC 6887 §11.2.1 has it.
    const left = lease.held === undefined ? Number.POSITIVE_INFINITY : lease.held.endsAt - now;
    const wait = Math.max(Math.min(rest, LONGEST_REST_MS, left / 2), SHORTEST_MS);
    lease.dueAt = now + wait;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#host.warn(summary(failures, lease.wanted));
  }

  #renewAll(method: Method): void {
    // Not at once: a gateway whose clock is mad must not keep us busy.
    const soon = this.#host.clock.now() + SHORTEST_MS;
    for (const lease of this.#leases.values()) {
      const isAsked = lease.dueAt === Number.POSITIVE_INFINITY;
      if (lease.held?.method === method && !isAsked) lease.dueAt = Math.min(lease.dueAt, soon);
    }
  }
}

function methodsOf(
  host: MethodHost,
  gateway: Gateway,
  protocols: readonly PortMapProtocol[],
): readonly Method[] {
  const versions = { pcp: protocols.includes("pcp"), natPmp: protocols.includes("nat-pmp") };
  const { address } = gateway;
  const methods: Method[] = [];
  const isIpv6 = gateway.local.includes(":");
  if (address !== undefined && (versions.pcp || (versions.natPmp && !isIpv6))) {
    methods.push(new PcpMethod(host, gateway, address, versions));
  }
  // Who has a public address is behind no NAT, and shall not shout for one at a provider's network.
  const isBehindNat = !isIpv6 && isLocal(gateway.local);
  if (protocols.includes("upnp") && isBehindNat) methods.push(new UpnpMethod(host, gateway));
  return methods;
}

function requestOf({ wanted, nonce, held }: Lease): MapRequest {
  const { externalAddress, externalPort } = held?.mapping ?? {};
  return { ...wanted, nonce, externalAddress, externalPort: externalPort ?? wanted.port };
}

function isSameOutside(a: Mapping, b: Mapping): boolean {
  return (
    a.externalAddress === b.externalAddress && a.externalPort === b.externalPort && a.via === b.via
  );
}

/** One error for all: a refusal says more than silence. */
function summary(failures: readonly Error[], { protocol, port }: WantedPort): PortMapError {
  const isSilence = (error: Error): boolean =>
    error instanceof PortMapError && error.code === "ERR_PORTMAP_UNANSWERED";
  const cause = failures.find((error) => !isSilence(error)) ?? failures[0];
  const code = cause instanceof PortMapError ? cause.code : "ERR_PORTMAP_UNANSWERED";
  const why = failures.map(({ message }) => message).join("; ");
  const advice = "peers may not reach us; forward the port at the router by hand, or ignore this";
  const message = `${protocol} port ${port} is not mapped: ${why}; ${advice}`;
  return new PortMapError(code, message, { cause });
}
