// What is said to a tracker and what it answers, whatever the protocol.
import { type Endpoint, isDialable } from "@shoal/core";

/** Why one announces outside the regular interval. */
export type AnnounceEvent = "started" | "completed" | "stopped";

/** What a tracker is told (BEP 3). */
export interface AnnounceRequest {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where we accept peers. */
  readonly port: number;
  /** Bytes of payload since the torrent was started. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes still to download; `undefined` before the torrent's metadata is known. */
  readonly left: number | undefined;
  readonly event: AnnounceEvent | undefined;
  /** How many peers are wanted. */
  readonly numWant: number;
  /** 32 random bits that stay the same for the torrent, whatever our address (BEP 7). */
  readonly key: number;
  /** What the tracker gave as `tracker id` before. HTTP only. */
  readonly trackerId?: Uint8Array | undefined;
}

/** What a tracker answered, its numbers brought into range. */
export interface AnnounceAnswer {
  /** Seconds until the next regular announce, {@link MIN_INTERVAL}–{@link MAX_INTERVAL}. */
  readonly interval: number;
  /** Seconds that must pass before any announce but an event, {@link MIN_INTERVAL}…`interval`. */
  readonly minInterval: number;
  /** Complete peers, if told. */
  readonly seeders: number | undefined;
  /** Incomplete peers, if told. */
  readonly leechers: number | undefined;
  /** Dialable ones only. */
  readonly peers: readonly Endpoint[];
  readonly trackerId: Uint8Array | undefined;
  /** Printable text. */
  readonly warning: string | undefined;
  /** Our address as the tracker sees it (BEP 24). */
  readonly externalIp: string | undefined;
}

/** Most peers taken from one answer. */
export const MAX_PEERS = 1000;
/** Seconds: a tracker is never asked more often than that, whatever it says. */
export const MIN_INTERVAL = 60;
/** Seconds: a tracker is asked once a day, whatever it says. */
export const MAX_INTERVAL = 86_400;
/** Seconds between announces to a tracker that does not say. */
export const DEFAULT_INTERVAL = 1800;
/** What is told as `left` while it is unknown, as libtorrent does: 0 would mean a seed. */
export const UNKNOWN_LEFT = 16_384;

/** A tracker's `interval` and `min interval` (seconds, anything) in range. */
export function clampIntervals(
  interval: number | undefined,
  minInterval: number | undefined,
): { interval: number; minInterval: number } {
  const regular = clamp(interval ?? DEFAULT_INTERVAL, MIN_INTERVAL, MAX_INTERVAL);
  return {
    interval: regular,
    minInterval: clamp(minInterval ?? MIN_INTERVAL, MIN_INTERVAL, regular),
  };
}

/** Drops what can't be a peer (port 0, multicast, …). */
export function dialable(peers: readonly Endpoint[]): Endpoint[] {
  return peers.filter(({ address, port }) => port !== 0 && isDialable(address));
}

/** A count as protocols can carry it: a non-negative safe integer. */
export function toCount(value: number): number {
  return clamp(Math.trunc(value) || 0, 0, Number.MAX_SAFE_INTEGER);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
