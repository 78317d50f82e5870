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
  /** Exchange peers with peers (BEP 11). */
  readonly pex?: boolean;
  /** Fetch the metadata of magnet links from peers, and serve it (BEP 9). */
  readonly metadata?: boolean;
  /** Download from HTTP seeds (BEP 17, 19). */
  readonly webSeeds?: boolean;
}

/** Their names. */
export const FEATURES: readonly (keyof Features)[] = [
  "trackers",
  "dht",
  "pex",
  "metadata",
  "webSeeds",
];

/** What the parts are bound to. */
export interface FeatureHost {
  readonly network: Network;
  readonly http: HttpClient;
}

/** Loads what is switched on. */
export async function loadFeatures(
  features: Features,
  { network, http }: FeatureHost,
): Promise<Required<Pick<SessionInit, "services" | "blockSources" | "extensions">>> {
  const { trackers = true, dht = true, pex = true, metadata = true, webSeeds = true } = features;
  return {
    services: await Promise.all([
      ...when(trackers, async () =>
        (await import("./services/trackers.ts")).trackerService(network, http),
      ),
      ...when(dht !== false, async () =>
        (await import("./services/dht.ts")).dhtService(network, typeof dht === "object" ? dht : {}),
      ),
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
