// Keeps ports mapped at all gateways of this machine, wherever it moves.
import { type Alarm, asError } from "@shoal/core";
import { GatewayLeases } from "./gateway-leases.ts";
import { defaultGateways } from "./gateways.ts";
import type { Gateway, Mapping, MethodHost, PortMapProtocol, WantedPort } from "./method.ts";

/** Ms between looks at the gateways: machines move to other networks. */
const LOOK_MS = 5 * 60_000;

const ALL: readonly PortMapProtocol[] = ["pcp", "nat-pmp", "upnp"];

/** What a port mapper works with, and whom it tells. */
export interface PortMapperOptions extends MethodHost {
  /** The gateways to ask, at present; those of this machine by default: see `defaultGateways`. */
  readonly gateways?: () => Promise<readonly Gateway[]> | readonly Gateway[];
  /** A port was mapped, or is mapped to another outside now. Must not throw. */
  mapped(mapping: Mapping): void;
  /** It does not work at a gateway; said once, until it does. Tried again all the same. Must not throw. */
  warn(error: Error): void;
  /** All by default. PCP comes before NAT-PMP, and both before UPnP, whatever the order here. */
  readonly protocols?: readonly PortMapProtocol[];
}

/** Ports that gateways forward to us. */
export interface PortMapper {
  /** What is granted at present. */
  readonly mappings: readonly Mapping[];
  /**
   * Wants a port mapped, from now on until `close`; returns at once. What is wanted already is no
   * matter.
   *
   * @throws RangeError if the port is not an integer of 1–65535.
   */
  map(wanted: WantedPort): void;
  /**
   * Gives all mappings back. Never rejects; resolves when the gateways have confirmed, after a few
   * seconds if one does not, and at the latest when `signal` aborts.
   */
  close(signal: AbortSignal): Promise<void>;
}

/** Makes a port mapper; nothing is sent until a port is wanted. */
export function createPortMapper(options: PortMapperOptions): PortMapper {
  return new Mapper(options);
}

class Mapper implements PortMapper {
  readonly #options: PortMapperOptions;
  readonly #wanted = new Map<string, WantedPort>();
  readonly #gateways = new Map<string, GatewayLeases>();
  readonly #alarm: Alarm;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: PortMapperOptions) {
    this.#options = options;
    this.#alarm = options.deadlines.alarm(() => this.#look());
  }

  get mappings(): readonly Mapping[] {
    return [...this.#gateways.values()].flatMap(({ mappings }) => mappings);
  }

  map(wanted: WantedPort): void {
    const { port, protocol } = wanted;
    if (!(Number.isInteger(port) && port > 0 && port <= 65_535)) {
      throw new RangeError(`expected a port of 1–65535, got ${port}`);
    }
    if (this.#isClosed) return;
    this.#wanted.set(`${protocol} ${port}`, { protocol, port });
    for (const leases of this.#gateways.values()) leases.map(wanted);
    if (!this.#alarm.isSet) this.#look();
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#isClosed = true;
    this.#alarm.clear();
    await Promise.race([this.#looking, aborted(signal)]);
    const all = [...this.#gateways.values()];
    this.#gateways.clear();
    await Promise.all(all.map((leases) => leases.close(signal)));
  }

  #look(): void {
    if (this.#isClosed) return;
    this.#looking ??= this.#meetGateways().finally(() => {
      this.#looking = undefined;
      if (!this.#isClosed) this.#alarm.set(this.#options.clock.now() + LOOK_MS);
    });
  }

  /** Never rejects. */
  async #meetGateways(): Promise<void> {
    const { gateways = defaultGateways, protocols = ALL } = this.#options;
    let present: readonly Gateway[];
    try {
      present = await gateways();
    } catch (error) {
      this.#options.warn(asError(error));
      return;
    }
    if (this.#isClosed) return;
    const keys = new Map(present.map((one) => [`${one.local} ${one.address}`, one]));
    for (const [key, leases] of this.#gateways) {
      if (keys.has(key)) continue;
      this.#gateways.delete(key);
      // Its network is gone, and its leases end by themselves.
      void leases.close(AbortSignal.abort());
    }
    for (const [key, gateway] of keys) {
      if (this.#gateways.has(key)) continue;
      const leases = new GatewayLeases(this.#options, gateway, protocols);
      this.#gateways.set(key, leases);
      for (const wanted of this.#wanted.values()) leases.map(wanted);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
