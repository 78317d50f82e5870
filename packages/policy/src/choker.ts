// Who gets the upload slots: tit-for-tat, round robin among the rest, and optimistic tries.
import { type ChokerPeer, Turn } from "./turn.ts";

/** Time between two calls of {@link Choker.rechoke}, in ms. */
export const RECHOKE_INTERVAL = 15_000;

/** An optimistic slot changes hands after so long, in ms: every 30 s, with some room for late rounds. */
const OPTIMISTIC_TURN = 29_000;

/** What a round decided; nobody is in both. The caller sends the messages at once. */
export interface ChokerVerdict<P> {
  readonly choke: readonly P[];
  readonly unchoke: readonly P[];
}

/** What a {@link Choker} is made of. */
export interface ChokerInit {
  /** See {@link Choker.slots}; default 8. */
  readonly slots?: number;
}

/**
 * Deals the upload slots of a whole session.
 *
 * Call `rechoke` every {@link RECHOKE_INTERVAL}; between rounds `onInterested` and `fill` give away
 * free slots at once, so that nobody waits while a slot is empty. States: STATE.md.
 */
export class Choker<P extends ChokerPeer> {
  #slots: number;
  readonly #turns = new WeakMap<P, Turn>();
  /** Those that hold a slot. */
  #holders = new Set<P>();
  #optimistic = new Set<P>();

  constructor({ slots = 8 }: ChokerInit = {}) {
    this.#slots = slots;
  }

  /** How many peers may be unchoked at a time; `Infinity` for everybody. May be set at any time. */
  get slots(): number {
    return this.#slots;
  }

  set slots(slots: number) {
    this.#slots = slots;
  }

  /** How many peers hold a slot. */
  get held(): number {
    return this.#holders.size;
  }

  /**
   * A choked peer became interested.
   *
   * @returns whether to unchoke it now: a slot was free and is its own.
   */
  onInterested(peer: P, now: number): boolean {
    const turn = this.#turn(peer, now);
    if (!peer.choked || this.#holders.size >= this.#slots) return false;
    this.#holders.add(peer);
    turn.begin(peer, now);
    return true;
  }

  /**
   * The peer disconnected, was choked, or is no longer interested (choke it then): its slot is free.
   *
   * @returns whether it held one, so that `fill` may find somebody for it.
   */
  release(peer: P, now: number): boolean {
    this.#optimistic.delete(peer);
    if (!this.#holders.delete(peer)) return false;
    this.#turns.get(peer)?.end(now);
    return true;
  }

  /** Gives free slots to whoever waits longest. Costs nothing when none is free. */
  fill(peers: Iterable<P>, now: number): readonly P[] {
    const free = this.#slots - this.#holders.size;
    if (free <= 0) return [];
    const waiting: Contender<P>[] = [];
    for (const peer of peers) {
      if (peer.interested && peer.choked) waiting.push({ peer, turn: this.#turn(peer, now) });
    }
    waiting.sort((a, b) => a.turn.since - b.turn.since);
    const chosen = waiting.slice(0, free);
    for (const { peer, turn } of chosen) {
      this.#holders.add(peer);
      turn.begin(peer, now);
    }
    return chosen.map(({ peer }) => peer);
  }

  /**
   * Decides anew who is unchoked.
   *
   * @param peers All connections of all torrents that may upload.
   * @param seeding Every torrent is complete: what peers gave us earlier counts no more.
   */
  rechoke(peers: Iterable<P>, now: number, { seeding }: { seeding: boolean }): ChokerVerdict<P> {
    const contenders: Contender<P>[] = [];
    const choke: P[] = [];
    const unchoke: P[] = [];
    for (const peer of peers) {
      const turn = this.#turn(peer, now);
      turn.measure(peer);
      if (peer.interested) contenders.push({ peer, turn });
      else if (!peer.choked) choke.push(peer);
      if (!peer.interested) this.release(peer, now);
    }
    const holders = this.#choose(contenders, now, seeding);
    for (const { peer, turn } of contenders) {
      if (holders.has(peer)) {
        if (!this.#holders.has(peer)) turn.begin(peer, now);
        if (peer.choked) unchoke.push(peer);
      } else {
        if (this.#holders.has(peer)) turn.end(now);
        if (!peer.choked) choke.push(peer);
      }
    }
    this.#holders = holders;
    return { choke, unchoke };
  }

  #choose(contenders: Contender<P>[], now: number, seeding: boolean): Set<P> {
    if (contenders.length <= this.#slots) {
      this.#optimistic.clear();
      return new Set(contenders.map(({ peer }) => peer));
    }
    contenders.sort((a, b) => Turn.compare(a.turn, b.turn, now, seeding));
    const optimistic = optimisticSlots(this.#slots);
    const regular = contenders.slice(0, this.#slots - optimistic);
    const rest = contenders.slice(regular.length);
    const holders = new Set(regular.map(({ peer }) => peer));
    for (const peer of this.#tryOut(rest, optimistic, now)) holders.add(peer);
    return holders;
  }

  /** The optimistic slots: kept for a while by those who have them, then for who waited longest. */
  #tryOut(rest: Contender<P>[], count: number, now: number): Set<P> {
    const kept = rest.filter(
      ({ peer, turn }) => this.#optimistic.has(peer) && now - turn.triedAt < OPTIMISTIC_TURN,
    );
    const chosen = new Set(kept.slice(0, count).map(({ peer }) => peer));
    const queue = rest.filter(({ peer }) => !chosen.has(peer));
    queue.sort((a, b) => a.turn.triedAt - b.turn.triedAt);
    for (const { peer, turn } of queue.slice(0, count - chosen.size)) {
      chosen.add(peer);
      turn.triedAt = now;
    }
    this.#optimistic = chosen;
    return chosen;
  }

  #turn(peer: P, now: number): Turn {
    let turn = this.#turns.get(peer);
    if (turn === undefined) {
      turn = new Turn(peer, now);
      this.#turns.set(peer, turn);
    }
    return turn;
  }
}

interface Contender<P> {
  readonly peer: P;
  readonly turn: Turn;
}

/** A fifth of the slots, at least one. */
function optimisticSlots(slots: number): number {
  return slots < 1 ? 0 : Math.max(1, Math.floor(slots / 5));
}
