// Trackers as a service of a session: binds the tracker client to real sockets.
import type { PeerSource } from "@shoal/core";
import type { HttpClient, Network } from "@shoal/net";
import { createTrackerSource } from "@shoal/tracker";
import type { ServiceHost } from "../init.ts";

/** @param http Not closed by the service. */
export function trackerService(
  network: Network,
  http: HttpClient,
): (host: ServiceHost) => PeerSource {
  return (host) =>
    createTrackerSource(
      {
        ...host,
        userAgent: host.clientName,
        http,
        resolve: (name) => network.resolve(name),
        udp: (family) => network.udp(family),
      },
      // Nothing reaches a tracker over a family that there is no address of.
      { families: network.families() },
    );
}
