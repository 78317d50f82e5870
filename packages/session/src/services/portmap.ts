// Port mapping as a part of a session: asks home routers to let peers in.
import type { Network } from "@shoal/net";
import { createPortMapper, defaultGateways, type Gateway } from "@shoal/portmap";
import type { Attendant, AttendantHost } from "../init.ts";

/** Ms that giving mappings back may take. */
const CLOSE_MS = 3000;

/**
 * Maps the session's port for TCP, and for UDP, where the DHT is; gives both back in the end, for
 * three seconds at most.
 *
 * @param network Gateways are asked from the addresses that it allows, and from no other.
 * @param gateways The gateways to ask, at present; those of this machine by default.
 */
export function portMappingService(
  network: Pick<Network, "udp" | "tcp" | "allows">,
  gateways: () => Promise<readonly Gateway[]> = defaultGateways,
): (host: Pick<AttendantHost, "clock" | "deadlines" | "entropy" | "mapped" | "warn">) => Attendant {
  return ({ clock, deadlines, entropy, mapped, warn }) => {
    const mapper = createPortMapper({
      clock,
      deadlines,
      entropy,
      udp: (at) => network.udp(at),
      tcp: network.tcp,
      gateways: async () => (await gateways()).filter(({ local }) => network.allows(local)),
      mapped,
      warn,
    });
    return {
      listening: (port) => {
        mapper.map({ protocol: "tcp", port });
        mapper.map({ protocol: "udp", port });
      },
      close: async () => {
        const stop = new AbortController();
        const alarm = deadlines.alarm(() => stop.abort());
        alarm.set(clock.now() + CLOSE_MS);
        await mapper.close(stop.signal);
        alarm.clear();
      },
    };
  };
}
