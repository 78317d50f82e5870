// Getting an info dictionary from peers, of whom any may lie, stall or leave.
import type { Alarm } from "@shoal/core";
import type { ExtensionPeer, ExtensionTorrent } from "@shoal/wire";
import { Attempt } from "./attempt.ts";
import { MetadataError } from "./error.ts";
import { Lane } from "./lane.ts";
import { Source } from "./source.ts";

/**
 * Fetches the info dictionary of one torrent.
 *
 * Each size that peers claim is an attempt of its own, and a peer contributes to that of its claim.
 * What comes out wrong and is one peer's work alone proves that one a liar. If several took part,
 * each has to prove itself alone from then on, so that no liar can spoil the work of others twice.
 */
export class Fetch {
  readonly #torrent: ExtensionTorrent;
  readonly #maxSize: number;
  readonly #arrived: () => void;
  readonly #alarm: Alarm;
  readonly #sources = new Set<Source>();
  readonly #small = new Lane<Source>(SMALL_PLACES);
  readonly #large = new Lane<Source>(LARGE_PLACES);
  /** Addresses from which something wrong came, the oldest first. */
  readonly #suspects = new Set<string>();
  #isOver = false;

  /**
   * @param maxSize Larger dictionaries are not fetched; in bytes.
   * @param arrived Called once, when the info dictionary is there, wherever it came from.
   */
  constructor(torrent: ExtensionTorrent, maxSize: number, arrived: () => void) {
    this.#torrent = torrent;
    this.#maxSize = maxSize;
    this.#arrived = arrived;
    this.#alarm = torrent.alarm((now) => this.#tick(now));
  }

  /** A connection has begun; nothing is asked of it before {@link told}. */
  join(peer: ExtensionPeer): Source {
    const source = new Source(peer, this.#suspects.has(peer.remote.address));
    if (!this.#isOver) this.#sources.add(source);
    return source;
  }

  /** The peer's handshake came. @param size what it claims, in bytes. */
  told(source: Source, size: number | undefined): void {
    if (this.#settled() || !this.#sources.has(source)) return;
    const now = this.#torrent.now();
    if (!source.peer.supported) this.#assign(source, undefined);
    else if (size !== undefined && (size !== source.size || source.attempt === undefined)) {
      this.#claim(source, size, now);
    } else this.#ask(source, now);
    this.#alarm.setEarlier(now + TICK);
  }

  /**
   * A piece came.
   *
   * @param totalSize what the peer says along with it of the whole size.
   * @returns whether the peer behaved: it was asked, and sent what can be right.
   */
  data(source: Source, piece: number, totalSize: number | undefined, bytes: Uint8Array): boolean {
    const now = this.#torrent.now();
    if (!source.answered(piece, now)) return false;
    if (this.#settled() || !this.#sources.has(source)) return true;
    // One that told no size was asked on the off chance, and tells it now.
    if (source.size === undefined && totalSize !== undefined) this.#claim(source, totalSize, now);
    const { attempt } = source;
    const agrees = totalSize === undefined || totalSize === source.size;
    const isGood = agrees && attempt?.fits(piece, bytes.length) === true;
    if (isGood) this.#keep(source, attempt, piece, bytes);
    else this.#refused(source, piece, now);
    if (!this.#isOver) this.#ask(source, now);
    return isGood;
  }

  /** The peer does not give a piece. @returns whether it was asked for one. */
  rejected(source: Source, piece: number): boolean {
    const now = this.#torrent.now();
    if (!source.answered(piece, now)) return false;
    if (this.#settled() || !this.#sources.has(source)) return true;
    this.#refused(source, piece, now);
    this.#askAll(now);
    return true;
  }

  /** The connection is over. */
  leave(source: Source): void {
    if (!this.#sources.delete(source)) return;
    this.#assign(source, undefined);
    if (!this.#settled()) this.#askAll(this.#torrent.now());
  }

  /** Stops for good. */
  close(): void {
    this.#isOver = true;
    this.#alarm.clear();
    this.#sources.clear();
    this.#small.clear();
    this.#large.clear();
  }

  /** Whether there is nothing to fetch any more: the user may have brought it too. */
  #settled(): boolean {
    if (!this.#isOver && this.#torrent.metadata() !== undefined) this.#finish();
    return this.#isOver;
  }

  #finish(): void {
    this.close();
    this.#arrived();
  }

  #tick(now: number): void {
    if (this.#settled()) return;
    for (const source of this.#sources) {
      const isSilent = source.expire(now);
      if (isSilent && source.size === undefined) this.#pause(source, now);
    }
    this.#askAll(now);
  }

  /** Asks whoever can be asked. The alarm goes on as long as anybody could be. */
  #askAll(now: number): void {
    this.#small.schedule(now);
    this.#large.schedule(now);
    let isWorthWaiting = false;
    for (const source of this.#sources) {
      this.#ask(source, now);
      isWorthWaiting ||= source.peer.supported;
    }
    if (isWorthWaiting) this.#alarm.setEarlier(now + TICK);
    else this.#alarm.clear();
  }

  #ask(source: Source, now: number): void {
    const { attempt } = source;
    while (source.isReady(now)) {
      const piece = attempt === undefined ? this.#probe(source) : attempt.next(now, source.asked);
      if (piece === undefined) return;
      attempt?.asked(piece, now);
      source.ask(piece, now);
    }
  }

  /** It may have got the info dictionary after it told us, and many clients don't tell again. */
  #probe(source: Source): number | undefined {
    return source.size === undefined && source.asked.size === 0 ? 0 : undefined;
  }

  #keep(source: Source, attempt: Attempt<Source>, piece: number, bytes: Uint8Array): void {
    source.gave();
    attempt.put(piece, bytes, source);
    if (attempt.isComplete) this.#check(attempt);
  }

  #check(attempt: Attempt<Source>): void {
    const { bytes, sources } = attempt.take();
    if (this.#torrent.metadataArrived(bytes)) {
      if (!this.#isOver) this.#finish();
      return;
    }
    const now = this.#torrent.now();
    for (const source of sources) this.#suspect(source.peer.remote.address);
    const [only] = sources;
    if (only !== undefined && sources.size === 1) this.#banish(only);
    for (const source of sources) {
      source.isSuspect = true;
      if (this.#sources.has(source)) this.#assign(source, this.#attemptFor(source, now));
    }
    this.#askAll(now);
  }

  #banish(source: Source): void {
    this.#sources.delete(source);
    this.#assign(source, undefined);
    source.peer.disconnect(
      new MetadataError(
        "ERR_METADATA_FORGED",
        "expected an info dictionary with the torrent's info-hash, got another from this peer alone",
      ),
    );
  }

  /** Who comes again from that address begins as a suspect, for others may sit behind it too. */
  #suspect(address: string): void {
    this.#suspects.delete(address);
    this.#suspects.add(address);
    if (this.#suspects.size <= MAX_SUSPECTS) return;
    for (const oldest of this.#suspects) {
      this.#suspects.delete(oldest);
      return;
    }
  }

  #claim(source: Source, size: number, now: number): void {
    source.size = size;
    source.refresh();
    this.#assign(source, this.#attemptFor(source, now));
    this.#askAll(now);
  }

  #attemptFor(source: Source, now: number): Attempt<Source> | undefined {
    const { size } = source;
    if (size === undefined || size < 1 || size > this.#maxSize) return undefined;
    const only = source.isSuspect ? source : undefined;
    const lane = this.#laneOf(size);
    const known = lane.find(size, only);
    if (known !== undefined) return known;
    const attempt = new Attempt<Source>(size, only);
    lane.add(attempt, now);
    return attempt;
  }

  #assign(source: Source, attempt: Attempt<Source> | undefined): void {
    const before = source.attempt;
    if (attempt === before) return;
    if (before !== undefined) {
      for (const piece of source.asked.keys()) before.release(piece);
      before.supporters.delete(source);
      // What has come of it may be of use to the next that claims this size.
      const lane = this.#laneOf(before.size);
      const isKept = before.only === undefined && before.held > 0;
      if (before.supporters.size === 0 && !isKept) lane.remove(before);
    }
    source.forget();
    source.attempt = attempt;
    attempt?.supporters.add(source);
  }

  #refused(source: Source, piece: number, now: number): void {
    source.attempt?.release(piece);
    this.#pause(source, now);
  }

  #pause(source: Source, now: number): void {
    source.refused(now, this.#torrent.rng());
  }

  #laneOf(size: number): Lane<Source> {
    return size > LARGEST_SMALL ? this.#large : this.#small;
  }
}

/** Ms between looks at what is overdue. */
const TICK = 1000;
/** Nearly all info dictionaries are no larger; they never wait for those that claim to be. */
const LARGEST_SMALL = 1_048_576;
const SMALL_PLACES = 8;
const LARGE_PLACES = 1;
/** Addresses that are remembered. */
const MAX_SUSPECTS = 256;
