// One entry of the peer list, and how entries compare: to be dialled, and to be given up.
import { type Endpoint, formatEndpoint, isLocal } from "@shoal/core";

/** Where we learnt of a peer. */
export type PeerOrigin = "tracker" | "lsd" | "dht" | "pex" | "manual" | "incoming" | "resume";

/** Worth of an origin: who would have to lie for the peer to be no good. */
const ORIGIN_RANK: Readonly<Record<PeerOrigin, number>> = {
  manual: 64,
  tracker: 32,
  lsd: 16,
  dht: 8,
  pex: 4,
  incoming: 2,
  resume: 1,
};

/** Trust runs from −7 to 8; at the floor the peer is to be banned. */
const TRUST_FLOOR = -7;
const TRUST_CEILING = 8;

/** A first failure is forgiven quickly: the peer may just be starting. In ms. */
const QUICK_RETRY_MS = 5_000;
/** Longer connections than this, in ms, renew the quick retry. */
const LASTING_MS = 60_000;
/** The wait before another dial, in ms, times failures + 1. */
const BACK_OFF_MS = 60_000;

/** What is known of a peer. Only the list changes the readonly fields. */
export interface KnownPeer {
  /** Where it listens; for an accepted connection without a known listening port, its remote end. */
  readonly endpoint: Endpoint;
  /** `formatEndpoint(endpoint)`. */
  readonly key: string;
  /** Names this entry in block sources and blame; never given to another entry of the same list. */
  readonly slot: number;
  readonly origins: ReadonlySet<PeerOrigin>;
  /** Dials and connections in a row that failed. */
  readonly failures: number;
  /** When it was last dialled, in ms; −Infinity if never. */
  readonly lastTried: number;
  /** `next` returned it, and neither `connected` nor `disconnected` followed yet. */
  readonly dialing: boolean;
  readonly connected: boolean;
  readonly banned: boolean;
  /** Its endpoint can be dialled: not the remote end of an accepted connection. */
  readonly connectable: boolean;
  /** −7…8: pieces that passed (+1) and failed (−2) with its blocks. */
  readonly trust: number;
  /** It took part in a piece that failed: it gets pieces of its own until one passes. */
  readonly onParole: boolean;
  /** It has everything. Set by whoever learns that. */
  isSeed: boolean;
}

type PeerState = "idle" | "dialing" | "connected";

/** An entry with the rules of its life. */
export class PeerEntry implements KnownPeer {
  endpoint: Endpoint;
  key: string;
  readonly slot: number;
  /** Its place in the table. */
  index = 0;
  readonly #origins = new Set<PeerOrigin>();
  readonly appeal: Appeal;
  readonly life: Life = { retryAt: Number.NEGATIVE_INFINITY, since: 0, quick: true, proven: false };
  failures = 0;
  lastTried: number = Number.NEGATIVE_INFINITY;
  state: PeerState = "idle";
  banned = false;
  connectable: boolean;
  trust = 0;
  onParole = false;
  isSeed = false;

  constructor(endpoint: Endpoint, slot: number, connectable: boolean) {
    this.endpoint = endpoint;
    this.key = formatEndpoint(endpoint);
    this.slot = slot;
    this.connectable = connectable;
    this.appeal = { isLocal: isLocal(endpoint.address), rank: 0, priority: undefined };
  }

  get dialing(): boolean {
    return this.state === "dialing";
  }

  get connected(): boolean {
    return this.state === "connected";
  }

  get origins(): ReadonlySet<PeerOrigin> {
    return this.#origins;
  }

  addOrigin(origin: PeerOrigin): void {
    if (this.#origins.has(origin)) return;
    this.#origins.add(origin);
    this.appeal.rank += ORIGIN_RANK[origin];
  }

  /** When it may be dialled, in ms; `Infinity` for not as things are. */
  dialableAt(maxFailures: number, finished: boolean): number {
    const isOut =
      this.state !== "idle" ||
      !this.connectable ||
      this.banned ||
      this.failures >= maxFailures ||
      (finished && this.isSeed);
    return isOut ? Number.POSITIVE_INFINITY : this.life.retryAt;
  }

  begin(state: "dialing" | "connected", now: number): void {
    if (state === "dialing") this.lastTried = now;
    else {
      this.failures = 0;
      this.life.proven = true;
    }
    this.state = state;
    this.life.since = now;
  }

  /** May be dialled again at once, whatever happened before. */
  renew(): void {
    this.failures = 0;
    this.life.retryAt = Number.NEGATIVE_INFINITY;
  }

  /** Is idle again without a fault of its own: nothing of it counts. */
  release(): void {
    if (this.state === "idle") return;
    this.state = "idle";
    this.life.retryAt = Number.NEGATIVE_INFINITY;
  }

  end(now: number, failed: boolean): void {
    if (this.state === "idle") return;
    const { life } = this;
    if (this.connected && now - life.since >= LASTING_MS) life.quick = true;
    if (failed) this.failures++;
    this.state = "idle";
    life.retryAt = now + (life.quick ? QUICK_RETRY_MS : (this.failures + 1) * BACK_OFF_MS);
    life.quick = false;
  }

  /** Takes over what was known of the same peer under another endpoint. */
  absorb(other: PeerEntry): void {
    for (const origin of other.origins) this.addOrigin(origin);
    this.trust = Math.min(this.trust, other.trust);
    this.onParole ||= other.onParole;
    this.isSeed ||= other.isSeed;
    this.lastTried = Math.max(this.lastTried, other.lastTried);
  }

  credit(): void {
    this.trust = Math.min(TRUST_CEILING, this.trust + 1);
    this.onParole = false;
  }

  /** @returns whether nothing is left of its trust. */
  discredit(): boolean {
    this.trust = Math.max(TRUST_FLOOR, this.trust - 2);
    this.onParole = true;
    return this.trust <= TRUST_FLOOR;
  }
}

/** What makes an entry a good one to dial. */
interface Appeal {
  /** On our own network: dialled first, not limited by address. */
  readonly isLocal: boolean;
  /** Sum of the ranks of its origins. */
  rank: number;
  /** BEP 40; computed when first needed. */
  priority: number | undefined;
}

/** The slowly changing part of an entry. Times in ms. */
interface Life {
  /** Not to be dialled before. */
  retryAt: number;
  /** When its present state began. */
  since: number;
  /** A quick retry is left. */
  quick: boolean;
  /** It was connected once. */
  proven: boolean;
}

/** Whether `a` should be dialled before `b`; both may be dialled now. */
export function isBetterToDial(a: PeerEntry, b: PeerEntry): boolean {
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.appeal.isLocal !== b.appeal.isLocal) return a.appeal.isLocal;
  if (a.lastTried !== b.lastTried) return a.lastTried < b.lastTried;
  if (a.appeal.rank !== b.appeal.rank) return a.appeal.rank > b.appeal.rank;
  return (a.appeal.priority ?? 0) > (b.appeal.priority ?? 0);
}

/**
 * How much an entry deserves its place when the list is full; `Infinity` if it can't be given up.
 * A newcomer takes the place of an entry that is worth less, so that a flood from one origin
 * displaces neither peers that served us nor those of better origins.
 */
export function worth(entry: PeerEntry): number {
  if (entry.state !== "idle" || entry.origins.has("manual")) return Number.POSITIVE_INFINITY;
  if (entry.banned) return Number.NEGATIVE_INFINITY;
  if (!entry.connectable) return entry.trust;
  const record = entry.life.proven ? 256 + 16 * entry.trust : 0;
  return record + entry.appeal.rank - 64 * entry.failures;
}

/** The worth of a newcomer of that origin. */
export function worthOf(origin: PeerOrigin): number {
  return ORIGIN_RANK[origin];
}
