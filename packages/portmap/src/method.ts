// What mapping a port means, whatever the protocol: the shapes that all parts share.
import type { Clock, Datagrams, Deadlines, Endpoint, Entropy, Transport } from "@shoal/core";

/** The protocols by which a gateway can be asked. */
export type PortMapProtocol = "pcp" | "nat-pmp" | "upnp";

/** A port of this machine that others should reach. */
export interface WantedPort {
  readonly protocol: "tcp" | "udp";
  /** 1–65535. */
  readonly port: number;
}

/** A router, and our side of the way to it. */
export interface Gateway {
  /**
   * The router's IP address, link-local ones with their zone; undefined if it is not known: then
   * only UPnP is tried, which searches.
   */
  readonly address: string | undefined;
  /** Our own address on the way to it: to this one the gateway forwards. */
  readonly local: string;
}

/** A mapping that a gateway has granted. */
export interface Mapping extends WantedPort {
  /** By which protocol. */
  readonly via: PortMapProtocol;
  readonly gateway: Gateway;
  /** Where the outside reaches us, as far as the gateway says. */
  readonly externalAddress: string | undefined;
  /** 1–65535; may differ from `port`. */
  readonly externalPort: number;
  /** Seconds for which it was granted; renewed at half of that. */
  readonly lifetime: number;
}

/** Time, chance and sockets, given by the host. */
export interface MethodHost {
  readonly clock: Clock;
  /** Driven by the host. */
  readonly deadlines: Deadlines;
  /** For nonces, by which a gateway knows the owner of a mapping. */
  readonly entropy: Entropy;
  /** Binds a UDP socket at one of our addresses, at any free port (0). */
  udp(at: Endpoint): Promise<Datagrams>;
  /** Connects to a gateway's web server, for UPnP. */
  readonly tcp: Pick<Transport, "dial">;
}

/** What a gateway is asked for. */
export interface MapRequest extends WantedPort {
  /** 12 secret bytes, the same for as long as the mapping is wanted (RFC 6887 §11.1). */
  readonly nonce: Uint8Array;
  /** The outside that is preferred: that of the mapping to renew, else our port's number. */
  readonly externalAddress: string | undefined;
  readonly externalPort: number;
}

/** One protocol at one gateway. */
export interface Method {
  /**
   * Asks for a mapping, or renews it.
   *
   * @throws PortMapError; NetError if no socket can be had; the signal's reason.
   */
  map(request: MapRequest, signal: AbortSignal): Promise<Mapping>;
  /** Gives a mapping back. @throws as `map`. */
  unmap(request: MapRequest, signal: AbortSignal): Promise<void>;
  /** Called when the gateway turns out to have lost what it had granted. */
  onStateLost: (() => void) | undefined;
}

/** Seconds that a mapping is asked for: long enough to be cheap, short enough to vanish after a crash. */
export const LIFETIME = 3600;
