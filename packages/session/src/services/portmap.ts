// Port mapping as a service of a session: asks home routers to let peers in.
import type { Network } from "@shoal/net";
import { createPortMapper, defaultGateways, type Gateway, type Mapping } from "@shoal/portmap";
import type { Runtime } from "../init.ts";

/** Ms that giving mappings back may take. */
const CLOSE_MS = 3000;

/** What port mapping works with, and whom it tells. */
export interface PortMappingOptions {
  /** Gateways are asked from the addresses that it allows, and from no other. */
  readonly network: Pick<Network, "udp" | "tcp" | "allows">;
  readonly runtime: Pick<Runtime, "clock" | "deadlines" | "entropy">;
  /** A port was mapped, or to another outside than before. Must not throw. */
  mapped(mapping: Mapping): void;
  /** It does not work; it goes on being tried. Must not throw. */
  warn(error: Error): void;
  /** The gateways to ask, at present; those of this machine by default. */
  readonly gateways?: () => Promise<readonly Gateway[]>;
}

/** Port mapping at work. */
export interface PortMappingService {
  /** What is granted at present. */
  readonly mappings: readonly Mapping[];
  /**
   * Wants a port mapped for TCP, and for UDP, where the DHT is. To be called once the session
   * listens; returns at once.
   *
   * @param port 0 for none: nothing is done then.
   */
  map(port: number): void;
  /** Gives everything back: resolves within three seconds, and never rejects. */
  close(): Promise<void>;
}

/** Makes the service; nothing is sent until a port is wanted. */
export function portMappingService(options: PortMappingOptions): PortMappingService {
  const { network, runtime, gateways = defaultGateways } = options;
  const mapper = createPortMapper({
    clock: runtime.clock,
    deadlines: runtime.deadlines,
    entropy: runtime.entropy,
    udp: (at) => network.udp(at),
    tcp: network.tcp,
    gateways: async () => (await gateways()).filter(({ local }) => network.allows(local)),
    mapped: (mapping) => options.mapped(mapping),
    warn: (error) => options.warn(error),
  });
  return {
    get mappings() {
      return mapper.mappings;
    },
    map: (port) => {
      if (port === 0) return;
      mapper.map({ protocol: "tcp", port });
      mapper.map({ protocol: "udp", port });
    },
    close: async () => {
      const stop = new AbortController();
      const alarm = runtime.deadlines.alarm(() => stop.abort());
      alarm.set(runtime.clock.now() + CLOSE_MS);
      await mapper.close(stop.signal);
      alarm.clear();
    },
  };
}
