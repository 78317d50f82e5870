// Who is known of one swarm, and whom to dial next.
import { type Endpoint, formatEndpoint, isDialable, type Rng, randomInt } from "@shoal/core";
import {
  isBetterToDial,
  type KnownPeer,
  type PeerEntry,
  type PeerOrigin,
  worth,
  worthOf,
} from "./known-peer.ts";
import { OwnEndpoints } from "./own-endpoints.ts";
import { PeerTable } from "./peer-table.ts";

/** Entries of one public address at most: room for a household, not for a flood. */
const MAX_PER_ADDRESS = 8;

/** After having found nobody, `next` looks again after so long at the latest, in ms. */
const LOOK_AGAIN_MS = 30_000;

/** What a {@link PeerList} is made of. */
export interface PeerListInit {
  /** For ties and for the search for entries to give up. */
  readonly rng: Rng;
  /** Entries at most, and bans; default 3000. */
  readonly limit?: number;
  /** Dials that may fail in a row before a peer is left alone; default 3. */
  readonly maxFailures?: number;
  /** Where others reach us, if known already; see {@link PeerList.addOwn}. */
  readonly ownEndpoint?: Endpoint | undefined;
}

/**
 * The peers of one swarm: bounded, without doubles. All times in ms.
 *
 * Each peer that `next` returned is reported back with `connected`, `disconnected` or `released`, and
 * each connected one, accepted ones included, with one of the last two. States: STATE.md.
 */
export class PeerList implements Iterable<KnownPeer> {
  readonly limit: number;
  readonly #rng: Rng;
  readonly #maxFailures: number;
  readonly #own = new OwnEndpoints();
  readonly #table = new PeerTable();
  /** Addresses, or whole endpoints on loopback; oldest first. */
  readonly #banned = new Set<string>();
  /** Until then nobody can be dialled, unless something changes. */
  #nobodyUntil = Number.NEGATIVE_INFINITY;
  #nobodyFinished = false;
  /** Who may tell of peers that we dial; undefined: anybody. */
  #welcome: readonly PeerOrigin[] | undefined;

  constructor({ rng, limit = 3000, maxFailures = 3, ownEndpoint }: PeerListInit) {
    this.#rng = rng;
    this.limit = limit;
    this.#maxFailures = maxFailures;
    if (ownEndpoint !== undefined) this.addOwn(ownEndpoint);
  }

  /** How many peers are known. */
  get size(): number {
    return this.#table.entries.length;
  }

  /** All entries, in no particular order. The list must not change meanwhile. */
  [Symbol.iterator](): Iterator<KnownPeer> {
    return this.#table.entries[Symbol.iterator]();
  }

  /** The entry that a slot names; `undefined` if it was given up. */
  bySlot(slot: number): KnownPeer | undefined {
    return this.#table.bySlot(slot);
  }

  /** The entry of an endpoint. */
  get(endpoint: Endpoint): KnownPeer | undefined {
    return this.#table.get(formatEndpoint(endpoint));
  }

  /** How many peers could be dialled, now or when their back-off is over. */
  candidates({ finished }: { finished: boolean }): number {
    let count = 0;
    for (const entry of this.#table.entries) {
      if (this.#dialableAt(entry, finished) < Number.POSITIVE_INFINITY) count++;
    }
    return count;
  }

  /**
   * Somebody named a peer. A tracker that names a known one again forgives it one failure; whoever
   * names it by hand wants it dialled at once.
   *
   * @returns its entry, or `undefined` if refused: nobody can be dialled there, it is banned or we
   *   ourselves, its address has many entries, the list is full of better ones, or only other origins
   *   count.
   */
  add(endpoint: Endpoint, origin: PeerOrigin): KnownPeer | undefined {
    const key = formatEndpoint(endpoint);
    if (!isPeerEndpoint(endpoint) || this.#own.has(key) || this.isBanned(endpoint))
      return undefined;
    if (this.#welcome?.includes(origin) === false) return undefined;
    let entry = this.#table.get(key);
    if (entry === undefined) {
      if (!this.#hasRoomAt(endpoint.address) || !this.#makeRoom(worthOf(origin))) return undefined;
      entry = this.#table.add(endpoint, true);
    } else if (origin === "manual") entry.renew();
    else if (origin === "tracker" && entry.failures > 0) entry.failures--;
    entry.addOrigin(origin);
    entry.connectable = true;
    this.#changed();
    return entry;
  }

  /**
   * The best peer to dial now; it counts as being dialled from then on.
   *
   * Order: fewest failures, our own network, least recently tried, best origins, BEP 40.
   *
   * @param options.finished We have all that we want: known seeds are of no use.
   */
  next(now: number, { finished }: { finished: boolean }): KnownPeer | undefined {
    if (now < this.nextDial(now, { finished })) return undefined;
    const { entries } = this.#table;
    const start = randomInt(this.#rng, entries.length);
    let best: PeerEntry | undefined;
    let soonest = now + LOOK_AGAIN_MS;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(start + i) % entries.length];
      if (entry === undefined) continue;
      const at = this.#dialableAt(entry, finished);
      if (at > now) soonest = Math.min(soonest, at);
      else {
        entry.appeal.priority ??= this.#own.priorityOf(entry.endpoint);
        if (best === undefined || isBetterToDial(entry, best)) best = entry;
      }
    }
    if (best === undefined) this.#nobodyUntil = soonest;
    else best.begin("dialing", now);
    this.#nobodyFinished = finished;
    return best;
  }

  /** When it is worth calling `next`: `now`, unless it just found nobody. A change makes it earlier. */
  nextDial(now: number, { finished }: { finished: boolean }): number {
    return finished === this.#nobodyFinished ? Math.max(now, this.#nobodyUntil) : now;
  }

  /** A dial succeeded and the handshake is complete: earlier failures are forgiven. */
  connected(peer: KnownPeer, now: number): void {
    this.#entry(peer)?.begin("connected", now);
  }

  /**
   * A dial was given up or failed, or a connection ended.
   *
   * @param options.failed It counts against the peer: no connection, no handshake, broken rules.
   */
  disconnected(peer: KnownPeer, now: number, { failed }: { failed: boolean }): void {
    this.#entry(peer)?.end(now, failed);
    this.#changed();
  }

  /**
   * We gave up a dial or connection for reasons of our own, as when the torrent pauses: the peer may
   * be dialled again as soon as we want it.
   */
  released(peer: KnownPeer): void {
    const entry = this.#entry(peer);
    entry?.release();
    if (entry !== undefined && !this.#isWelcome(entry)) this.#table.remove(entry);
    this.#changed();
  }

  /**
   * A connection was accepted; its handshake is complete.
   *
   * @param endpoint Its remote end. The port is mostly not the one on which the peer listens.
   * @returns its entry, connected; a dial under way to the very same endpoint is to be given up
   *   without a report. `undefined` if it must be refused: banned, connected already, or too many
   *   from that address.
   */
  incoming(endpoint: Endpoint, now: number): KnownPeer | undefined {
    if (this.isBanned(endpoint)) return undefined;
    let entry = this.#table.get(formatEndpoint(endpoint));
    if (entry?.connected) return undefined;
    if (entry === undefined) {
      if (!this.#clearRoomAt(endpoint.address)) return undefined;
      if (!this.#makeRoom(Number.POSITIVE_INFINITY)) return undefined;
      entry = this.#table.add(endpoint, false);
    }
    entry.addOrigin("incoming");
    entry.begin("connected", now);
    return entry;
  }

  /**
   * An accepted peer said on which port it listens (`p`, BEP 10), so that it can be dialled later.
   * An entry of that endpoint which is idle merges into this one.
   *
   * @returns the other entry if it is connected, being dialled or banned: two connections with the
   *   same peer, it seems; the caller decides.
   */
  setListenPort(peer: KnownPeer, port: number): KnownPeer | undefined {
    const entry = this.#entry(peer);
    if (entry === undefined || entry.connectable) return undefined;
    const endpoint = { address: entry.endpoint.address, port };
    const key = formatEndpoint(endpoint);
    if (!isPeerEndpoint(endpoint) || this.#own.has(key)) return undefined;
    const other = this.#table.get(key);
    if (other !== undefined && other !== entry) {
      if (other.state !== "idle" || other.banned) return other;
      entry.absorb(other);
      this.#table.remove(other);
    }
    this.#table.move(entry, endpoint);
    entry.connectable = true;
    return undefined;
  }

  /** A piece with blocks of this peer passed its check: more trust, and parole ends. */
  credit(peer: KnownPeer): void {
    this.#entry(peer)?.credit();
  }

  /** A piece with blocks of this peer failed: less trust, and parole. @returns whether to ban it. */
  discredit(peer: KnownPeer): boolean {
    return this.#entry(peer)?.discredit() ?? false;
  }

  /**
   * Bans the peer's address; on loopback, which every process of a machine shares, its endpoint.
   *
   * @returns all entries that this banned: their connections are to be closed.
   */
  ban(peer: KnownPeer): readonly KnownPeer[] {
    const { address } = peer.endpoint;
    this.#banned.add(banName(peer.endpoint));
    for (const oldest of this.#banned) {
      if (this.#banned.size <= this.limit) break;
      this.#banned.delete(oldest);
    }
    const hit = [...this.#table.at(address)].filter(({ endpoint }) => this.isBanned(endpoint));
    for (const entry of hit) entry.banned = true;
    return hit;
  }

  isBanned(endpoint: Endpoint): boolean {
    return this.#banned.has(banName(endpoint));
  }

  /** What is banned: addresses, and whole endpoints on loopback. Oldest first. */
  get bannedAddresses(): Iterable<string> {
    return this.#banned;
  }

  /**
   * Others reach us there. It is never dialled; the last public one of each family is what BEP 40
   * priorities count from. Also for an endpoint that turned out to be ourselves.
   */
  addOwn(endpoint: Endpoint): void {
    this.#own.add(endpoint);
    const self = this.#table.get(formatEndpoint(endpoint));
    if (self !== undefined) self.connectable = false;
    for (const entry of this.#table.entries) entry.appeal.priority = undefined;
  }

  /**
   * From now on only peers of these origins are dialled, and others forgotten, as private torrents
   * want it (BEP 27); those that are connected or being dialled when they are released. Whoever
   * connects to us is not dialled for that.
   */
  restrictTo(origins: readonly PeerOrigin[]): void {
    this.#welcome = origins;
    const strangers = this.#table.entries.filter(
      (entry) => entry.state === "idle" && !this.#isWelcome(entry),
    );
    for (const entry of strangers) this.#table.remove(entry);
    this.#changed();
  }

  /** Forgets all peers and bans. Slots are not used again. */
  clear(): void {
    this.#table.clear();
    this.#banned.clear();
    this.#changed();
  }

  /** The entry behind what callers hold; `undefined` if it was given up. */
  #entry(peer: KnownPeer): PeerEntry | undefined {
    return this.#table.bySlot(peer.slot);
  }

  #isWelcome({ origins }: PeerEntry): boolean {
    return this.#welcome?.some((origin) => origins.has(origin)) ?? true;
  }

  #dialableAt(entry: PeerEntry, finished: boolean): number {
    if (!this.#isWelcome(entry)) return Number.POSITIVE_INFINITY;
    return entry.dialableAt(this.#maxFailures, finished);
  }

  #changed(): void {
    this.#nobodyUntil = Number.NEGATIVE_INFINITY;
  }

  #hasRoomAt(address: string): boolean {
    const there = this.#table.at(address);
    const [any] = there;
    return there.size < MAX_PER_ADDRESS || any?.appeal.isLocal === true;
  }

  /** Room for a connection that exists: entries that can't be dialled make way. */
  #clearRoomAt(address: string): boolean {
    if (this.#hasRoomAt(address)) return true;
    for (const entry of this.#table.at(address)) {
      if (entry.state !== "idle" || entry.connectable) continue;
      this.#table.remove(entry);
      return true;
    }
    return false;
  }

  /** Room for a newcomer of that worth: gives up an entry that is worth less. */
  #makeRoom(forWorth: number): boolean {
    if (this.size < this.limit) return true;
    const least = this.#table.leastWorthy(this.#rng);
    if (least === undefined || worth(least) >= forWorth) return false;
    this.#table.remove(least);
    return true;
  }
}

/** Port 1 is what clients announce that accept no connections. */
function isPeerEndpoint({ address, port }: Endpoint): boolean {
  return port > 1 && isDialable(address);
}

function banName(endpoint: Endpoint): string {
  const { address } = endpoint;
  const isLoopback = address.startsWith("127.") || address === "::1";
  return isLoopback ? formatEndpoint(endpoint) : address;
}
