// What a family of extension messages (BEP 10) is, and all that one may know of its surroundings.
import type { BencodeInput } from "@shoal/bencode";
import type { Alarm, Endpoint, Rng } from "@shoal/core";
import type { ExtendedHandshake } from "./extended-handshake.ts";

/** A family of messages of the extension protocol: `ut_pex`, `ut_metadata`, or your own. */
export interface WireExtension {
  /** The name in the `m` dictionary of handshakes. */
  readonly name: string;
  /** Makes the part for one torrent; `undefined` if this torrent goes without (PEX in a private one). */
  attach(torrent: ExtensionTorrent): TorrentExtension | undefined;
}

/** An extension at work for one torrent. */
export interface TorrentExtension {
  /** Makes the part for a new connection, before anything is sent on it. */
  attachPeer(peer: ExtensionPeer): PeerExtension;
  /** We don't have this piece any more, after having announced it (BEP 54). */
  pieceLost?(piece: number): void;
  /**
   * A peer could not be reached.
   *
   * @param introducer {@link SwarmPeer.id} of the one that told of it, if any (BEP 55).
   */
  dialFailed?(to: Endpoint, introducer: number | undefined): void;
  /** The torrent goes; clear alarms. */
  close?(): void;
}

/**
 * An extension at work on one connection. What it throws, out of any method, disables it for this
 * connection and nothing else.
 */
export interface PeerExtension {
  /** Members for the top level of our extended handshake; asked for each time that one is sent. */
  handshakeFields?(): Readonly<Record<string, BencodeInput>>;
  /** An extended handshake came; also when it says nothing of this extension. */
  handshake?(theirs: ExtendedHandshake): void;
  /** A message of this extension. @param payload valid during the call. */
  message(payload: Uint8Array): void;
  /** The connection is over, or the extension has been disabled on it. */
  close?(): void;
}

/** A connection as the extension on it sees it. */
export interface ExtensionPeer {
  /** Unique among the connections that the torrent ever has. */
  readonly id: number;
  readonly remote: Endpoint;
  /** Whether the other side's handshake has this extension, and it can be sent to. */
  readonly supported: boolean;
  /** Bytes that wait to be sent on the connection. */
  readonly backlog: number;
  /** Sends a message of this extension; nothing happens if it is not supported. @param payload copied. */
  send(payload: Uint8Array): void;
  /** Sends our extended handshake again because `handshakeFields` has changed. */
  refreshHandshake(): void;
  /** The other side says that it has this piece no more (BEP 54). Any number; the torrent checks it. */
  dontHave(piece: number): void;
  /** Closes the connection, for abuse that disabling the extension would not end. */
  disconnect(reason: Error): void;
}

/** A torrent as its extensions see it. */
export interface ExtensionTorrent {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** BEP 27: peers may come from its own trackers only. */
  readonly isPrivate: boolean;
  /** Ordinary randomness. */
  readonly rng: Rng;
  /** Monotonic ms. */
  now(): number;
  /** An alarm on the engine's clock. */
  alarm(ring: (now: number) => void): Alarm;
  /** Those that are connected and past the handshake. */
  peers(): Iterable<SwarmPeer>;
  /** Peers were heard of; the torrent drops what it can't use. */
  addPeers(found: readonly FoundPeer[]): void;
  /** Dials over uTP now, for the other side does the same in this moment (BEP 55). */
  punch(to: Endpoint): void;
  /** The info dictionary as it stood in the torrent, or `undefined` while it is unknown (BEP 9). */
  metadata(): Uint8Array | undefined;
  /**
   * The info dictionary has come from peers. @param bytes kept if right.
   *
   * @returns whether it has the torrent's info-hash.
   */
  metadataArrived(bytes: Uint8Array): boolean;
}

/** A connected peer, as one extension may learn of the others. */
export interface SwarmPeer {
  /** {@link ExtensionPeer.id} of the same connection. */
  readonly id: number;
  readonly remote: Endpoint;
  /** Where others can dial it: as we did, or with the port of its extended handshake. */
  readonly dialable: Endpoint | undefined;
  /** `tcp` or `utp`. */
  readonly transport: string;
  /** We dialled it. */
  readonly outgoing: boolean;
  readonly encrypted: boolean;
  /** It has every piece, or wants none (BEP 21). */
  readonly uploadOnly: boolean;
  /** Whether its extended handshake names this extension. */
  supports(name: string): boolean;
}

/** A peer that was heard of; the flags are hearsay. */
export interface FoundPeer extends Endpoint {
  readonly uploadOnly?: boolean;
  readonly encrypted?: boolean;
  readonly utp?: boolean;
  /** {@link SwarmPeer.id} of the one who told, if it could introduce us by hole punching (BEP 55). */
  readonly introducer?: number;
}
