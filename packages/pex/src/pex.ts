// Peer exchange for torrents: one alarm of each wakes it to tell its peers what has changed.
import type { Alarm } from "@shoal/core";
import type {
  ExtensionPeer,
  ExtensionTorrent,
  FoundPeer,
  TorrentExtension,
  WireExtension,
} from "@shoal/wire";
import { Allowances } from "./allowance.ts";
import { Intake } from "./intake.ts";
import { INTERVAL_MS, Link, type LinkHost } from "./link.ts";
import { takeRoster } from "./roster.ts";

/** Settings of {@link pexExtension}. */
export interface PexOptions {
  /** Peers of each family that are believed of one source at a time. Default 50. */
  readonly peersPerSource?: number;
}

/**
 * Peer exchange (BEP 11) for every torrent that is not private (BEP 27). Peers learn whom we are
 * connected to soon after their handshake, and what has changed once a minute.
 */
export function pexExtension({ peersPerSource = 50 }: PexOptions = {}): WireExtension {
  return {
    name: "ut_pex",
    attach: (torrent) => (torrent.isPrivate ? undefined : new TorrentPex(torrent, peersPerSource)),
  };
}

/**
 * From a change to the round that tells of it, in ms: connections come in bursts, and the next message
 * to the same peer has to wait for a minute.
 */
const DELAY_MS = 500;

/** Between two rounds, in ms: how much work a swarm in motion may cause. */
const ROUND_MS = 1_000;

class TorrentPex implements TorrentExtension, LinkHost {
  readonly #torrent: ExtensionTorrent;
  readonly #peersPerSource: number;
  readonly #alarm: Alarm;
  readonly #links = new Set<Link>();
  readonly #allowances = new Allowances();
  #lastRound = Number.NEGATIVE_INFINITY;

  constructor(torrent: ExtensionTorrent, peersPerSource: number) {
    this.#torrent = torrent;
    this.#peersPerSource = peersPerSource;
    this.#alarm = torrent.alarm((now) => this.#round(now));
  }

  /** Also a torrent that began as a magnet link may turn out to be. */
  get isPrivate(): boolean {
    return this.#torrent.isPrivate;
  }

  now(): number {
    return this.#torrent.now();
  }

  attachPeer(peer: ExtensionPeer): Link {
    const intake = new Intake({
      source: peer.remote,
      allowance: this.#allowances.of(peer.remote, this.now()),
      limit: this.#peersPerSource,
    });
    const link = new Link(this, peer, intake);
    this.#links.add(link);
    return link;
  }

  found(peers: readonly FoundPeer[]): void {
    this.#torrent.addPeers(peers);
  }

  changed(): void {
    if (this.#links.size === 0) return;
    this.#alarm.setEarlier(Math.max(this.now() + DELAY_MS, this.#lastRound + ROUND_MS));
  }

  closed(link: Link): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.#alarm.clear();
    else this.changed();
  }

  close(): void {
    this.#links.clear();
    this.#alarm.clear();
  }

  #round(now: number): void {
    if (this.isPrivate) return;
    this.#lastRound = now;
    const roster = takeRoster(this.#torrent.peers());
    let next = Number.POSITIVE_INFINITY;
    for (const link of this.#links) {
      link.tell(roster, now);
      // Whoever has nothing to learn now waits for a change, or for what no event told us of.
      next = Math.min(next, link.dueAt > now ? link.dueAt : now + INTERVAL_MS);
    }
    if (next < Number.POSITIVE_INFINITY) this.#alarm.setEarlier(Math.max(next, now + ROUND_MS));
  }
}
