// The optional parts of a session: what is switched on is loaded, and nothing else.
import type { HttpClient, Network } from "@shoal/net";
import type { SessionInit } from "./init.ts";
import type { DhtServiceOptions } from "./services/dht.ts";

/** Which optional parts a session has; all by default. */
export interface Features {
  /** Announce to trackers (BEP 3, 15). */
  readonly trackers?: boolean;
  /** Find peers in the Mainline DHT (BEP 5): `true`, or the node's settings. */
  readonly dht?: boolean | DhtServiceOptions;
  /** Find peers in the local network (BEP 14). */
  readonly lsd?: boolean;
  /** Exchange peers with peers (BEP 11). */
  readonly pex?: boolean;
  /** Fetch the metadata of magnet links from peers, and serve it (BEP 9). */
  readonly metadata?: boolean;
  /** Download from HTTP seeds (BEP 17, 19). */
  readonly webSeeds?: boolean;
  /** Ask routers to let peers in, by PCP, NAT-PMP or UPnP, if the session listens. */
  readonly portMapping?: boolean;
  /**
   * Addresses that are neither dialled nor accepted: path or http(s) URL of a list of CIDR, P2P or
   * DAT lines, gzipped or not. It is read before anything else is done. None by default.
   */
  readonly blocklist?: string | undefined;
}

/** Their names. */
export const FEATURES: readonly (keyof Features)[] = [
  "trackers",
  "dht",
  "lsd",
  "pex",
  "metadata",
  "webSeeds",
  "portMapping",
  "blocklist",
];

/** What the parts are bound to. */
export interface FeatureHost {
  readonly network: Network;
  readonly http: HttpClient;
}

/** Parts of a session. */
type Loaded = Pick<SessionInit, "services" | "blockSources" | "extensions" | "attendants">;

/** Reads a blocklist. @throws as `loadBlocklist` of services/blocklist.ts. */
export async function loadFilter(
  network: Network,
  blocklist: string,
): Promise<NonNullable<SessionInit["filter"]>> {
  const { loadBlocklist } = await import("./services/blocklist.ts");
  const http = network.http();
  try {
    return (await loadBlocklist(http, blocklist)).filter;
  } finally {
    await http.close();
  }
}

/** Loads what is switched on; for the blocklist, see {@link loadFilter}. */
export async function loadFeatures(
  features: Features,
  { network, http }: FeatureHost,
): Promise<Loaded> {
  const { trackers = true, dht = true, lsd = true, pex = true } = features;
  const { metadata = true, webSeeds = true, portMapping = true } = features;
  return {
    attendants: await Promise.all(
      when(portMapping, async () =>
        (await import("./services/portmap.ts")).portMappingService(network),
      ),
    ),
    services: await Promise.all([
      ...when(trackers, async () =>
        (await import("./services/trackers.ts")).trackerService(network, http),
      ),
      ...when(dht !== false, async () =>
        (await import("./services/dht.ts")).dhtService(network, typeof dht === "object" ? dht : {}),
      ),
      ...when(lsd, async () => (await import("./services/lsd.ts")).lsdService(network)),
    ]),
    blockSources: await Promise.all(
      when(webSeeds, async () => (await import("./services/webseeds.ts")).webSeedService(http)),
    ),
    extensions: await Promise.all([
      ...when(metadata, async () => (await import("@shoal/metadata")).metadataExtension()),
      ...when(pex, async () => (await import("@shoal/pex")).pexExtension()),
    ]),
  };
}

/** The part that `load` makes, if it is wanted. */
function when<T>(isWanted: boolean, load: () => Promise<T>): Promise<T>[] {
  return isWanted ? [load()] : [];
}
