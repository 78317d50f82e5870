// Who sent the bad block: parole, and the comparison with the good piece (smart ban).
import { equalBytes } from "@shoal/core";

/** Bytes of one digest: SHA-1 or any other hash cut to 20. */
const DIGEST_SIZE = 20;

/** Blocks remembered at most, over all pieces: about 2 MB. */
const MAX_BLOCKS = 32_768;

/** What to do after a piece failed its hash check. Slots are {@link KnownPeer.slot}. */
export interface FailedVerdict {
  /** Certainly guilty. */
  readonly ban: readonly number[];
  /** Under suspicion: give them whole pieces to themselves until one passes. */
  readonly parole: readonly number[];
}

/** What to do after a piece passed that had failed before. */
export interface PassedVerdict {
  /** Sent a block that differs from the good piece. */
  readonly ban: readonly number[];
  /** Took part in the failed attempts, and everything they sent was good. */
  readonly cleared: readonly number[];
}

/** One version of a block that a peer sent. */
interface Sent {
  readonly block: number;
  readonly sender: number;
  readonly digest: Uint8Array;
}

/**
 * Remembers who sent what to pieces that failed.
 *
 * A sole sender is guilty at once, and so is one that sends two versions of the same block. Else the
 * digests stay until the piece passes, which shows whose blocks were bad.
 */
export class Blame {
  /** By piece, oldest failure first. */
  readonly #pieces = new Map<number, Sent[]>();
  #blocks = 0;

  /**
   * A piece failed its hash check.
   *
   * @param blockDigests 20 bytes for each block, as they stood in the failed piece.
   * @param senders For each block the slot of the peer that sent it; negative when unknown, as for
   *   blocks from resume data or a web seed.
   */
  failed(piece: number, blockDigests: Uint8Array, senders: ArrayLike<number>): FailedVerdict {
    const known = new Set<number>();
    let hasUnknown = false;
    for (let block = 0; block < senders.length; block++) {
      const sender = senders[block] ?? -1;
      if (sender < 0) hasUnknown = true;
      else known.add(sender);
    }
    if (known.size === 1 && !hasUnknown) return { ban: [...known], parole: [] };
    const twoFaced = this.#record(piece, blockDigests, senders);
    return { ban: [...twoFaced], parole: [...known].filter((slot) => !twoFaced.has(slot)) };
  }

  /**
   * A piece passed its hash check; forgets it.
   *
   * @param blockDigests 20 bytes for each block of the good piece; only needed if `hasRecord`.
   *   Without them nobody is judged.
   */
  passed(piece: number, blockDigests?: Uint8Array): PassedVerdict {
    const ban = new Set<number>();
    const cleared = new Set<number>();
    for (const { block, sender, digest } of this.#pieces.get(piece) ?? []) {
      if (blockDigests === undefined) break;
      const isGood = equalBytes(digest, digestAt(blockDigests, block));
      (isGood ? cleared : ban).add(sender);
    }
    this.#drop(piece);
    return { ban: [...ban], cleared: [...cleared].filter((slot) => !ban.has(slot)) };
  }

  /** Whether the piece failed before, so that `passed` needs its digests. */
  hasRecord(piece: number): boolean {
    return this.#pieces.has(piece);
  }

  /** Forgets what a peer sent: it was banned, or its slot names nobody any more. */
  forget(slot: number): void {
    for (const [piece, sent] of this.#pieces) {
      const kept = sent.filter(({ sender }) => sender !== slot);
      this.#blocks -= sent.length - kept.length;
      if (kept.length === 0) this.#pieces.delete(piece);
      else this.#pieces.set(piece, kept);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#pieces.clear();
    this.#blocks = 0;
  }

  /** Keeps every version of every block. @returns who sent two versions of one. */
  #record(piece: number, digests: Uint8Array, senders: ArrayLike<number>): Set<number> {
    const twoFaced = new Set<number>();
    const sent = this.#pieces.get(piece) ?? [];
    const earlier = bySenderAndBlock(sent);
    const kept = digests.slice();
    for (let block = 0; block < senders.length; block++) {
      const sender = senders[block] ?? -1;
      if (sender < 0) continue;
      const digest = digestAt(kept, block);
      const before = earlier.get(`${sender}/${block}`);
      if (before === undefined) sent.push({ block, sender, digest });
      else if (!equalBytes(before, digest)) twoFaced.add(sender);
    }
    this.#drop(piece);
    this.#makeRoom(sent.length);
    if (sent.length > 0 && sent.length <= MAX_BLOCKS) {
      this.#pieces.set(piece, sent);
      this.#blocks += sent.length;
    }
    return twoFaced;
  }

  #makeRoom(blocks: number): void {
    for (const piece of this.#pieces.keys()) {
      if (this.#blocks + blocks <= MAX_BLOCKS) return;
      this.#drop(piece);
    }
  }

  #drop(piece: number): void {
    this.#blocks -= this.#pieces.get(piece)?.length ?? 0;
    this.#pieces.delete(piece);
  }
}

function bySenderAndBlock(sent: readonly Sent[]): Map<string, Uint8Array> {
  return new Map(sent.map(({ sender, block, digest }) => [`${sender}/${block}`, digest]));
}

function digestAt(digests: Uint8Array, block: number): Uint8Array {
  return digests.subarray(block * DIGEST_SIZE, (block + 1) * DIGEST_SIZE);
}
