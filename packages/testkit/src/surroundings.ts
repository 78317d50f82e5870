// What a host knows of the network around it, and the network of a host: types only.
import type { Duplex, Endpoint, Rng } from "@shoal/core";
import type { Line } from "./line.ts";
import type { Path } from "./path.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A host as others on the network see it. */
export interface Station {
  /** Canonical text. */
  readonly address: string;
  /** To the middle of the network, in ms. */
  readonly latencyMs: number;
  readonly up: Line;
  readonly down: Line;
  /** Who takes connections to this port, if anybody does. */
  acceptor(port: number): ((duplex: Duplex) => void) | undefined;
  /** A datagram arrives for this port. */
  datagram(port: number, bytes: Uint8Array, from: Endpoint): void;
}

/** What hosts share. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly rng: Rng;
  readonly log: (event: string) => void;
  readonly find: (address: string) => Station | undefined;
  readonly path: (a: Station, b: Station) => Path;
  /** Remembers that these are the two ends of a stream. */
  readonly pair: (a: Duplex, b: Duplex) => void;
}
