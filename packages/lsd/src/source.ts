// Local discovery as a source of peers: one for an engine, one alarm for all torrents.
import {
  type Alarm,
  type Endpoint,
  isDialable,
  isLocal,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
  toHex,
} from "@shoal/core";
import type { LsdHost, LsdOptions, LsdSocket } from "./host.ts";
import { encodeLsd, MAX_INFO_HASHES, parseLsd } from "./message.ts";
import { Pace } from "./pace.ts";
import { Sockets, type SocketsHandler } from "./sockets.ts";
import { LocalSwarm, MINUTE_MS } from "./swarm.ts";

/** The groups of BEP 14. */
export const LSD_GROUPS: { readonly 4: Endpoint; readonly 6: Endpoint } = {
  4: { address: "239.192.152.143", port: 6771 },
  6: { address: "ff15::efc0:988f", port: 6771 },
};

/**
 * Announces every torrent that is not private (BEP 27) to the local network, and tells whom it hears.
 * Opens nothing before there is such a torrent.
 */
export function createLsdSource(
  host: LsdHost,
  { intervalMs = 5 * MINUTE_MS }: LsdOptions = {},
): PeerSource {
  return new LsdSource(host, intervalMs);
}

/** Torrents that come within this, in ms, share an announce. */
const START_MS = 500;

/** Answers to an announce are spread over this, in ms: many may have heard it. */
const REPLY_MS = 3_000;

/**
 * So many torrents are announced one by one (BEP 14): some clients understand no more than one in a
 * datagram, such as Transmission 3, which refuses datagrams of more than 200 bytes.
 */
const MAX_SINGLES = 5;

/** BEP 14 wants no more than an announce a minute; a few may go ahead when there was silence. */
const SENDING = { burst: MAX_SINGLES, everyMs: MINUTE_MS, gapMs: 2_000 };

/** Datagrams that are looked at: whoever floods us is not worth the work. */
const HEARING = { burst: 200, everyMs: 100, gapMs: 0 };

const COOKIE_BYTES = 8;

/** See STATE.md. */
class LsdSource implements PeerSource, SocketsHandler {
  readonly name = "lsd";
  readonly #host: LsdHost;
  readonly #intervalMs: number;
  readonly #cookie: string;
  readonly #alarm: Alarm;
  readonly #sockets: Sockets;
  readonly #sending = new Pace(SENDING);
  readonly #hearing = new Pace(HEARING);
  /** By info-hash in hexadecimal digits. */
  readonly #swarms = new Map<string, LocalSwarm>();
  #closing: Promise<void> | undefined;

  constructor(host: LsdHost, intervalMs: number) {
    this.#host = host;
    this.#intervalMs = intervalMs;
    this.#cookie = toHex(host.entropy(COOKIE_BYTES));
    this.#alarm = host.deadlines.alarm((now) => this.#round(now));
    this.#sockets = new Sockets(host, this);
  }

  open(facts: SwarmFacts): PeerFeed {
    if (facts.isPrivate || this.#closing !== undefined) return IDLE;
    const now = this.#host.clock.now();
    const swarm = new LocalSwarm(facts, now + START_MS);
    this.#swarms.set(swarm.infoHash, swarm);
    this.#sockets.ensure();
    this.#wake(swarm.dueAt, now);
    return {
      completed: () => {},
      refresh: () => this.#hurry(swarm, 0),
      close: async () => this.#forget(swarm),
    };
  }

  close(): Promise<void> {
    this.#swarms.clear();
    this.#alarm.clear();
    this.#closing ??= this.#sockets.close();
    return this.#closing;
  }

  opened(): void {
    this.#rearm(this.#host.clock.now());
  }

  failed(error: Error | undefined): void {
    const [first] = this.#swarms.values();
    if (first === undefined) return;
    this.#alarm.set(this.#host.clock.now() + this.#intervalMs);
    // It is no torrent's own trouble, and one user hears of all.
    if (error !== undefined) first.facts.warn(error);
  }

  received(bytes: Uint8Array, from: Endpoint, socket: LsdSocket): void {
    const now = this.#host.clock.now();
    if (this.#swarms.size === 0 || !isNear(from.address, socket)) return;
    const announce = this.#hearing.take(now) ? parseLsd(bytes) : undefined;
    if (announce === undefined || announce.cookie === this.#cookie) return;
    const peer = { address: from.address, port: announce.port };
    for (const infoHash of announce.infoHashes) {
      const swarm = this.#swarms.get(infoHash);
      if (swarm?.heard(peer, now)) this.#hurry(swarm, this.#host.rng() * REPLY_MS);
    }
  }

  /**
   * One datagram, if one is due and may be sent. Where there are many torrents, those that may be
   * announced again go along, so that they gather.
   */
  #round(now: number): void {
    if (!this.#sockets.isOpen) {
      // Either way of ending sets the alarm.
      this.#sockets.ensure();
      return;
    }
    const port = this.#host.listenPort();
    if (port === 0) {
      this.#alarm.set(now + MINUTE_MS);
      return;
    }
    const ready = [...this.#swarms.values()].filter((swarm) => swarm.mayAnnounce(now));
    ready.sort((a, b) => a.dueAt - b.dueAt);
    const room = this.#swarms.size > MAX_SINGLES ? MAX_INFO_HASHES : 1;
    const isDue = (ready[0]?.dueAt ?? Number.POSITIVE_INFINITY) <= now;
    if (isDue && this.#sending.take(now)) this.#announce(ready.slice(0, room), port, now);
    this.#rearm(now);
  }

  #announce(swarms: readonly LocalSwarm[], port: number, now: number): void {
    const infoHashes = swarms.map(({ infoHash }) => infoHash);
    const cookie = this.#cookie;
    this.#sockets.send((group) => encodeLsd(group, { port, infoHashes, cookie }));
    // The same for all, so that they go together again.
    const nextAt = now + this.#intervalMs * (0.9 + 0.2 * this.#host.rng());
    for (const swarm of swarms) swarm.announced(now, nextAt);
  }

  #hurry(swarm: LocalSwarm, delayMs: number): void {
    if (this.#swarms.get(swarm.infoHash) !== swarm) return;
    const now = this.#host.clock.now();
    swarm.hurry(now + delayMs);
    this.#wake(swarm.dueAt, now);
  }

  #forget(swarm: LocalSwarm): void {
    if (this.#swarms.get(swarm.infoHash) !== swarm) return;
    this.#swarms.delete(swarm.infoHash);
    if (this.#swarms.size === 0) this.#alarm.clear();
  }

  #rearm(now: number): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#swarms.values()) earliest = Math.min(earliest, dueAt);
    this.#alarm.clear();
    if (earliest < Number.POSITIVE_INFINITY) this.#wake(earliest, now);
  }

  #wake(dueAt: number, now: number): void {
    this.#alarm.setEarlier(Math.max(dueAt, this.#sending.readyAt(now)));
  }
}

/** What comes from elsewhere is forged, or sent to us by mistake. */
function isNear(address: string, socket: LsdSocket): boolean {
  return isDialable(address) && (isLocal(address) || (socket.isOnLink?.(address) ?? false));
}

const IDLE: PeerFeed = { completed: () => {}, refresh: () => {}, close: async () => {} };
