// The two policies written naively, with arrays that are searched and summed: what tests compare with.
import type { CachePolicy, PolicyPiece } from "../src/cache-policy.ts";

/** Least recently used first. */
export class LruModel implements CachePolicy<PolicyPiece> {
  readonly ghostHits: number = 0;
  idle: PolicyPiece[] = [];
  dirty: PolicyPiece[] = [];

  hit(): void {}

  miss(): void {}

  idled(piece: PolicyPiece): void {
    this.idle = [...without(this.idle, piece), piece];
  }

  held(piece: PolicyPiece): void {
    this.idle = without(this.idle, piece);
    if (piece.idle > 0) this.idle.push(piece);
  }

  evicted(piece: PolicyPiece): void {
    if (piece.idle === 0) this.idle = without(this.idle, piece);
  }

  dropped(piece: PolicyPiece): void {
    this.idle = without(this.idle, piece);
    this.dirty = without(this.dirty, piece);
  }

  dirtied(piece: PolicyPiece): void {
    this.dirty = [...without(this.dirty, piece), piece];
  }

  cleaned(piece: PolicyPiece): void {
    this.dirty = without(this.dirty, piece);
  }

  unwritten(piece: PolicyPiece): void {
    if (!this.dirty.includes(piece)) this.dirty.push(piece);
  }

  victim(): PolicyPiece | undefined {
    return this.idle[0];
  }

  flushOrder(): Iterable<PolicyPiece> {
    return this.dirty;
  }

  readAhead(piece: PolicyPiece): number {
    return piece.blockCount;
  }
}

type List = "once" | "often" | "partial";

/** What the model knows of a piece, or of its ghost. */
interface Known {
  shared: boolean;
  spared: boolean;
  user: number | undefined;
}

interface GhostModel {
  readonly key: number;
  readonly list: "once" | "often";
  readonly blocks: number;
  readonly user: number | undefined;
}

/** The adaptive one. */
export class ArcModel implements CachePolicy<PolicyPiece> {
  ghostHits = 0;
  readonly #slots: number;
  readonly #known = new Map<PolicyPiece, Known>();
  #order: { readonly piece: PolicyPiece; readonly list: List }[] = [];
  #dirty: { readonly piece: PolicyPiece; readonly groups: number }[] = [];
  #ghosts: GhostModel[] = [];
  #share: number;
  #limit = Number.POSITIVE_INFINITY;
  #longest = 0;
  #outcomes: boolean[] = [];

  constructor(slots: number) {
    this.#slots = slots;
    this.#share = slots / 2;
  }

  hit(piece: PolicyPiece, requester: number, isFirstUse: boolean): void {
    this.#use(piece, requester);
    if (!isFirstUse) return;
    this.#of(piece).spared = false;
    this.#outcome(true);
    this.#judge();
  }

  miss(piece: PolicyPiece, requester: number): void {
    const ghost = this.#ghosts.find(({ key }) => key === piece.key);
    if (ghost !== undefined && piece.cached === 0) {
      const once = this.#ghostBlocks("once");
      const often = this.#ghostBlocks("often");
      this.#ghosts = this.#ghosts.filter((other) => other !== ghost);
      this.ghostHits++;
      const known = this.#of(piece);
      known.user = ghost.user;
      if (ghost.list === "often") known.shared = true;
      if (ghost.user !== undefined && ghost.user !== requester) {
        const weight = ghost.list === "once" ? often / once : -once / often;
        this.#shift(
          piece.blockCount *
            Math.sign(weight || (ghost.list === "once" ? 1 : -1)) *
            Math.max(1, Math.abs(weight)),
        );
      }
    }
    this.#use(piece, requester);
  }

  idled(piece: PolicyPiece): void {
    this.#place(piece);
  }

  held(piece: PolicyPiece): void {
    const entry = this.#order.find((other) => other.piece === piece);
    this.#order = this.#order.filter((other) => other.piece !== piece);
    if (entry !== undefined && piece.idle > 0) this.#order.push(entry);
  }

  evicted(piece: PolicyPiece, count: number, unused: number): void {
    const list = this.#order.find((other) => other.piece === piece)?.list;
    if (piece.idle === 0) this.#order = this.#order.filter((other) => other.piece !== piece);
    if (unused > 0) {
      for (let i = 0; i < unused; i++) this.#outcome(false);
      this.#judge();
      this.#shift(list === "often" ? -unused : unused);
    }
    if (count === 0 || piece.cached > 0 || piece.isPartial) return;
    const { shared, user } = this.#of(piece);
    const ghost = { key: piece.key, blocks: piece.blockCount, user };
    this.#ghosts = this.#ghosts.filter(({ key }) => key !== piece.key);
    const where = shared ? "often" : "once";
    this.#ghosts.push({ ...ghost, list: where });
    while (this.#ghostBlocks(where) > this.#slots) {
      const oldest = this.#ghosts.find((other) => other.list === where);
      this.#ghosts = this.#ghosts.filter((other) => other !== oldest);
    }
  }

  dropped(piece: PolicyPiece): void {
    this.#order = this.#order.filter((other) => other.piece !== piece);
    this.#dirty = this.#dirty.filter((other) => other.piece !== piece);
  }

  dirtied(piece: PolicyPiece): void {
    this.cleaned(piece);
    this.#dirty.push({ piece, groups: groupsOf(piece) });
  }

  cleaned(piece: PolicyPiece): void {
    this.#dirty = this.#dirty.filter((other) => other.piece !== piece);
  }

  unwritten(piece: PolicyPiece): void {
    const entry = this.#dirty.find((other) => other.piece === piece);
    if (entry === undefined || entry.groups !== groupsOf(piece)) this.dirtied(piece);
  }

  victim(): PolicyPiece | undefined {
    const once = this.#idleBlocks("once");
    const often = this.#idleBlocks("often");
    let list: List = "partial";
    if (once > 0 && (once > this.#share || often === 0)) list = "once";
    else if (often > 0) list = "often";
    for (let spared = 0; ; spared++) {
      const piece = this.#order.find((other) => other.list === list)?.piece;
      if (piece === undefined || spared === 8) return piece;
      const known = this.#of(piece);
      if (known.spared || piece.fresh === 0 || piece.idle - piece.fresh >= 16) return piece;
      known.spared = true;
      this.#order = this.#order.filter((other) => other.piece !== piece);
      this.#order.push({ piece, list });
    }
  }

  flushOrder(): Iterable<PolicyPiece> {
    return this.#dirty.toSorted((a, b) => b.groups - a.groups).map(({ piece }) => piece);
  }

  readAhead({ blockCount }: PolicyPiece): number {
    const limit = Math.min(blockCount, this.#limit);
    this.#longest = Math.max(this.#longest, limit);
    return limit;
  }

  #of(piece: PolicyPiece): Known {
    const known = this.#known.get(piece) ?? { shared: false, spared: false, user: undefined };
    this.#known.set(piece, known);
    return known;
  }

  #use(piece: PolicyPiece, requester: number): void {
    const known = this.#of(piece);
    const isOther = known.user !== undefined && known.user !== requester;
    known.user = requester;
    if (!isOther || known.shared) return;
    known.shared = true;
    const entry = this.#order.find((other) => other.piece === piece);
    if (entry?.list !== "once") return;
    this.#order = this.#order.filter((other) => other !== entry);
    this.#order.push({ piece, list: "often" });
  }

  #place(piece: PolicyPiece): void {
    const list = piece.isPartial ? "partial" : this.#of(piece).shared ? "often" : "once";
    this.#order = this.#order.filter((other) => other.piece !== piece);
    this.#order.push({ piece, list });
  }

  #idleBlocks(list: List): number {
    return sum(this.#order.filter((entry) => entry.list === list).map(({ piece }) => piece.idle));
  }

  #ghostBlocks(list: "once" | "often"): number {
    return sum(this.#ghosts.filter((ghost) => ghost.list === list).map(({ blocks }) => blocks));
  }

  #shift(blocks: number): void {
    const share = Math.max(this.#slots / 8, this.#share + blocks);
    this.#share = Math.min((this.#slots * 7) / 8, share);
  }

  #outcome(used: boolean): void {
    this.#outcomes.push(used);
  }

  #judge(): void {
    if (this.#outcomes.length < Math.max(16, Math.floor(this.#slots / 4))) return;
    const used = this.#outcomes.filter((outcome) => outcome).length;
    const wasted = this.#outcomes.length - used;
    this.#outcomes = [];
    if (wasted > used / 8) {
      this.#limit = Math.max(16, Math.floor(this.#longest / 2));
      this.#longest = this.#limit;
    } else if (wasted <= used / 64) {
      this.#limit += 16;
    }
  }
}

function groupsOf({ streak }: PolicyPiece): number {
  return Math.min(64, Math.floor(streak / 16));
}

function without(pieces: readonly PolicyPiece[], piece: PolicyPiece): PolicyPiece[] {
  return pieces.filter((other) => other !== piece);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
