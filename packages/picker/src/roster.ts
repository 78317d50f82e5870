// What the picker remembers of each connected peer.
import type { Bitfield } from "@shoal/core";
import { nextCommon } from "./bits.ts";
import { PickerError } from "./error.ts";

/** One connected peer as the picker sees it; the caller passes its own peer object. */
export interface PickingPeer {
  /** A small integer ≥ 0, unique among connected peers; may be used again after `peerGone`. */
  readonly id: number;
  /** The pieces it has. The caller changes it, and tells the picker by `peerHas` and `peerLost`. */
  readonly have: Bitfield;
  /** It is slow to answer: it gets the commonest pieces and keeps away from those of others. */
  readonly snubbed: boolean;
  /**
   * It sent blocks of a piece that failed its hash: it gets only blocks of pieces that nobody else
   * touches, so that the next failure tells whether it was the culprit.
   */
  readonly onParole: boolean;
}

/** The picker's notes on one peer. */
export interface PeerRecord {
  readonly peer: PickingPeer;
  /** It joined with every piece and is counted as a seed, not piece by piece. */
  asSeed: boolean;
  /** Blocks that it has been asked for. */
  requests: number;
  /** It has no piece with an open block, and nothing has changed for it since that was found. */
  exhausted: boolean;
  /** The piece it last took a block of, or −1. */
  lastPiece: number;
  /** How many more pieces belong to its run of consecutive ones. */
  runLeft: number;
  /** No piece below this index is both wanted and its own, as of `interestEpoch`. */
  interestFrom: number;
  interestEpoch: number;
}

/** The connected peers, by id. */
export class Roster {
  #size = 0;
  readonly #records: (PeerRecord | undefined)[] = [];
  #exhausted = 0;
  #epoch = 0;

  /** How many peers are connected whose pieces are known. */
  get size(): number {
    return this.#size;
  }

  /** The notes on a peer, if it is known. */
  get(id: number): PeerRecord | undefined {
    return this.#records[id];
  }

  /** @throws PickerError if the id is taken or unusable. */
  add(peer: PickingPeer): PeerRecord {
    if (!Number.isInteger(peer.id) || peer.id < 0 || this.#records[peer.id]) {
      throw new PickerError(
        "ERR_PICKER_PEER",
        `expected an id that no connected peer has, got ${peer.id}; call peerGone for the old peer first`,
      );
    }
    const record: PeerRecord = {
      peer,
      asSeed: false,
      requests: 0,
      exhausted: false,
      lastPiece: -1,
      runLeft: 0,
      interestFrom: 0,
      interestEpoch: this.#epoch,
    };
    this.#records[peer.id] = record;
    this.#size++;
    return record;
  }

  /** Forgets a peer. */
  remove(record: PeerRecord): void {
    this.refresh(record);
    this.#records[record.peer.id] = undefined;
    this.#size--;
  }

  /** Nothing is left to pick for this peer until {@link refresh} or {@link opened}. */
  exhaust(record: PeerRecord): void {
    if (record.exhausted) return;
    record.exhausted = true;
    this.#exhausted++;
  }

  /** There may be something to pick for this peer. */
  refresh(record: PeerRecord): void {
    if (!record.exhausted) return;
    record.exhausted = false;
    this.#exhausted--;
  }

  /** The piece has an open block now and had none before. */
  opened(piece: number): void {
    if (this.#exhausted === 0) return;
    for (const record of this.#records) {
      if (record?.exhausted && record.peer.have.has(piece)) this.refresh(record);
    }
  }

  /** A peer has one piece more, which may have open blocks. */
  gained(record: PeerRecord, piece: number, open: boolean): void {
    if (open) this.refresh(record);
    if (piece < record.interestFrom) record.interestFrom = piece;
  }

  /** A piece is wanted that was not: what is known of everybody's interest is void. */
  wantsMore(): void {
    this.#epoch++;
  }

  /** Whether a peer has a wanted piece. Each search goes on where the last one ended. */
  interesting(record: PeerRecord, wanted: Bitfield): boolean {
    if (record.peer.have.isFull) return wanted.count > 0;
    if (record.interestEpoch !== this.#epoch) {
      record.interestEpoch = this.#epoch;
      record.interestFrom = 0;
    }
    const found = nextCommon(wanted.bytes, record.peer.have.bytes, record.interestFrom);
    record.interestFrom = found < 0 ? wanted.length : found;
    return found >= 0;
  }

  /** The notes on every known peer. */
  *[Symbol.iterator](): Generator<PeerRecord> {
    for (const record of this.#records) if (record) yield record;
  }
}
