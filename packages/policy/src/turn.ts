// What the choker remembers of one connection: its last round and its turns with a slot.

/** What the choker reads of a connection. Counters never decrease. */
export interface ChokerPeer {
  /** It wants our data. */
  readonly interested: boolean;
  /** We choke it. */
  readonly choked: boolean;
  /** Payload bytes that we received from it since it connected. */
  readonly downloaded: number;
  /** Payload bytes that we sent to it since it connected. */
  readonly uploaded: number;
}

/** A slot just given is not taken away before so long, in ms: no fibrillation (BEP 3). */
const MIN_TURN_MS = 10_000;

/** A turn at seeding is over after so many bytes, but not before so long… */
const QUOTA_BYTES = 16 * 1024 * 1024;
const QUOTA_MS = 60_000;
/** …and after so long whatever the bytes, so that slow peers don't occupy all slots. */
const SLOW_QUOTA_MS = 120_000;

/** The choker's memory of one connection. */
export class Turn {
  /** When it got its slot, in ms; `Infinity` without one. */
  #unchokedAt = Number.POSITIVE_INFINITY;
  #uploadedBefore: number;
  /** When its last turn ended, or when it was first seen, in ms. */
  since: number;
  /** When it last got an optimistic slot, or was first seen, in ms: newcomers queue at the end. */
  triedAt: number;
  /** Bytes from it and to it in the last round. */
  #received = 0;
  #sent = 0;
  #downloadedTotal: number;
  #uploadedTotal: number;

  constructor(peer: ChokerPeer, now: number) {
    this.since = now;
    this.triedAt = now;
    this.#uploadedBefore = peer.uploaded;
    this.#downloadedTotal = peer.downloaded;
    this.#uploadedTotal = peer.uploaded;
  }

  /** It gets a slot. */
  begin(peer: ChokerPeer, now: number): void {
    this.#unchokedAt = now;
    this.#uploadedBefore = peer.uploaded;
  }

  /** It loses its slot. */
  end(now: number): void {
    this.#unchokedAt = Number.POSITIVE_INFINITY;
    this.since = now;
  }

  /** Closes a round: reads how much flowed since the last. */
  measure(peer: ChokerPeer): void {
    this.#received = peer.downloaded - this.#downloadedTotal;
    this.#sent = peer.uploaded - this.#uploadedTotal;
    this.#downloadedTotal = peer.downloaded;
    this.#uploadedTotal = peer.uploaded;
  }

  /** Order of preference: negative if `a` should rather have a slot. */
  static compare(a: Turn, b: Turn, now: number, seeding: boolean): number {
    return (
      (seeding ? 0 : b.#received - a.#received) ||
      a.#stage(now) - b.#stage(now) ||
      b.#sentWithSlot - a.#sentWithSlot ||
      a.since - b.since
    );
  }

  /** 0: just begun, 1: under way or waiting, 2: has had its share. */
  #stage(now: number): number {
    const held = now - this.#unchokedAt;
    if (held < 0) return 1;
    if (held < MIN_TURN_MS) return 0;
    const uploaded = this.#uploadedTotal - this.#uploadedBefore;
    const isServed = held >= SLOW_QUOTA_MS || (held >= QUOTA_MS && uploaded >= QUOTA_BYTES);
    return isServed ? 2 : 1;
  }

  get #sentWithSlot(): number {
    return this.#unchokedAt === Number.POSITIVE_INFINITY ? 0 : this.#sent;
  }
}
