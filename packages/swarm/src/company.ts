// What a swarm needs from when it knows somebody: most torrents of a large session know nobody.
import { type Alarm, errorCode } from "@shoal/core";
import { PeerError } from "@shoal/peer";
import { type KnownPeer, PeerList, type PeerOrigin } from "@shoal/policy";
import type { Connection } from "./connection.ts";
import { Dialer, type DialerHost } from "./dialer.ts";
import type { SwarmSession } from "./host.ts";
import { Turnover } from "./turnover.ts";
import { WakeList } from "./wake-list.ts";

/** Peers over a rate limit are looked at so often, in ms. */
const RATE_TICK_MS = 50;

/** Who may tell of peers of a private torrent (BEP 27); users do as they like. */
export const PRIVATE_ORIGINS: readonly PeerOrigin[] = ["tracker", "manual"];

/** What the company asks of its swarm, and tells it. */
export interface CompanyHost extends Pick<DialerHost, "handshake" | "ready"> {
  /** BEP 27. */
  readonly isPrivate: boolean;
  /** An attempt to dial somebody has failed. */
  dialFailed(known: KnownPeer): void;
  readonly ticked: (now: number) => void;
}

/** Those that one torrent knows, is about to be connected with, and has to look after. */
export class Company {
  /** By peer id. */
  readonly connections: Map<number, Connection> = new Map();
  readonly list: PeerList;
  readonly dialer: Dialer;
  readonly awake: WakeList;
  readonly turnover: Turnover = new Turnover();
  readonly tick: Alarm;
  readonly rateTick: Alarm;

  constructor(session: SwarmSession, host: CompanyHost) {
    this.list = new PeerList({ rng: session.rng });
    if (host.isPrivate) this.list.restrictTo(PRIVATE_ORIGINS);
    this.dialer = new Dialer(session, {
      handshake: host.handshake,
      ready: host.ready,
      failed: (known, error) => {
        if (errorCode(error) === "ERR_PEER_SELF") this.list.addOwn(known.endpoint);
        host.dialFailed(known);
      },
    });
    this.awake = new WakeList((task) => session.defer(task));
    this.tick = session.deadlines.alarm(host.ticked);
    this.rateTick = session.deadlines.alarm((now) => {
      if (payDebts(this.connections.values(), now)) this.rateLimited(now);
    });
  }

  /** If all places are taken and others could be dialled: closes connections that are of no use. */
  makeRoom(places: number, finished: boolean, now: number): void {
    const { connections, dialer, list } = this;
    if (connections.size + dialer.size < places || list.candidates({ finished }) === 0) return;
    for (const { peer } of this.turnover.leaving(connections.values(), places, now)) {
      peer.close(new PeerError("ERR_PEER_USELESS", "nobody wanted anything, and others wait"));
    }
  }

  /** Somebody is over a rate limit. */
  rateLimited(now: number): void {
    if (!this.rateTick.isSet) this.rateTick.set(now + RATE_TICK_MS);
  }
}

/** Lets peers go on as rate limits allow. @returns whether one has to wait longer. */
function payDebts(connections: Iterable<Connection>, now: number): boolean {
  let waiting = false;
  for (const { peer } of connections) {
    if (peer.debt > 0) peer.payDebt(now);
    if (peer.upload.waitsForRate) peer.turnEnded();
    waiting ||= peer.debt > 0 || peer.upload.waitsForRate;
  }
  return waiting;
}
