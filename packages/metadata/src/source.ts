// A peer that may have the info dictionary: what it was asked for, and when to ask it again.
import type { ExtensionPeer } from "@shoal/wire";
import type { Attempt } from "./attempt.ts";
import { encodeRequest } from "./message.ts";

/**
 * Ms without any answer after which what a peer was asked for is given up. Others are asked for it
 * much earlier.
 */
const SILENCE = 15_000;
/** Ms until a peer that rejected is asked again: doubled with each reject in a row, up to a limit. */
const SHORT_PAUSE = 2000;
const LONG_PAUSE = 60_000;
/** How many pieces are asked for at once: with each that comes one more. */
const FIRST_WINDOW = 2;
const LARGEST_WINDOW = 8;

/** A connection, as the fetching sees it. */
export class Source {
  readonly peer: ExtensionPeer;
  /** What it says the size is, in bytes. */
  size: number | undefined;
  /** What it contributes to. */
  attempt: Attempt<Source> | undefined;
  /** Something that it took part in was wrong: it has to prove itself alone. */
  isSuspect: boolean;
  /** When each piece that it owes was asked for, in ms. */
  readonly #asked = new Map<number, number>();
  /** Answers that may still come to what was given up. */
  #late = 0;
  #window = FIRST_WINDOW;
  #refusals = 0;
  #pausedUntil = 0;
  #heardAt = 0;

  constructor(peer: ExtensionPeer, isSuspect: boolean) {
    this.peer = peer;
    this.isSuspect = isSuspect;
  }

  /** The pieces that it owes. */
  get asked(): ReadonlyMap<number, number> {
    return this.#asked;
  }

  /** Whether something can be asked of it now. */
  isReady(now: number): boolean {
    return this.peer.supported && now >= this.#pausedUntil && this.#asked.size < this.#window;
  }

  ask(piece: number, now: number): void {
    this.#asked.set(piece, now);
    this.peer.send(encodeRequest(piece));
  }

  /** An answer came, good or bad. @returns whether one was due. */
  answered(piece: number, now: number): boolean {
    this.#heardAt = now;
    if (this.#asked.delete(piece)) return true;
    if (this.#late === 0) return false;
    this.#late--;
    return true;
  }

  /** It sent something useful. */
  gave(): void {
    this.#refusals = 0;
    this.#window = Math.min(LARGEST_WINDOW, this.#window + 1);
  }

  /** It does not give what it was asked for: it is left in peace for a while. @param jitter of [0, 1). */
  refused(now: number, jitter: number): void {
    // Several that were under way together count as one.
    if (now < this.#pausedUntil) return;
    const pause = SHORT_PAUSE * 2 ** this.#refusals;
    const limit = this.size === undefined ? LONG_PAUSE : Math.min(LONG_PAUSE, pause);
    this.#refusals++;
    this.#window = 1;
    this.#pausedUntil = now + limit * (0.75 + jitter / 2);
  }

  /** It said something new of itself: it may be asked at once. */
  refresh(): void {
    this.#refusals = 0;
    this.#pausedUntil = 0;
  }

  /** Gives up what it has not answered for too long. @returns whether there was something. */
  expire(now: number): boolean {
    let isSilent = false;
    for (const [piece, at] of this.#asked) {
      if (now - Math.max(at, this.#heardAt) < SILENCE) continue;
      this.#giveUp(piece);
      isSilent = true;
    }
    if (isSilent) this.#window = 1;
    return isSilent;
  }

  /** Gives up everything that it was asked for. */
  forget(): void {
    for (const piece of this.#asked.keys()) this.#giveUp(piece);
  }

  #giveUp(piece: number): void {
    this.#asked.delete(piece);
    this.#late++;
  }
}
