// Trackers as a service of a session: binds the tracker client to real sockets.
import { ipFamily, type PeerSource } from "@shoal/core";
import { type HttpClient, resolve, udpSocket } from "@shoal/net";
import { createTrackerSource } from "@shoal/tracker";
import type { ServiceHost } from "../init.ts";

/** @param bind IP address that UDP announces leave from. */
export function trackerService(
  http: HttpClient,
  bind: string | undefined,
): (host: ServiceHost) => PeerSource {
  return (host) =>
    createTrackerSource(
      {
        clock: host.clock,
        deadlines: host.deadlines,
        rng: host.rng,
        entropy: host.entropy,
        userAgent: host.clientName,
        http,
        resolve: (name) => resolve(name),
        udp: (family) => udpSocket({ address: bind ?? (family === 6 ? "::" : "0.0.0.0"), port: 0 }),
        listenPort: () => host.listenPort(),
      },
      // From an address nothing reaches those of the other family.
      bind === undefined ? {} : { families: [ipFamily(bind) ?? 4] },
    );
}
