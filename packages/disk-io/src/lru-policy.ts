// The classic policy: least recently used pieces are evicted, least recently updated ones written.
import type { CachePolicy, CachePolicyFactory, PolicyPiece } from "./cache-policy.ts";
import { Lru } from "./lru.ts";

/** Everything by the time of the last use; a read takes all the rest of its piece. */
export function lru(): CachePolicyFactory {
  return <P extends PolicyPiece>() => new LruPolicy<P>();
}

class LruPolicy<P extends PolicyPiece> implements CachePolicy<P> {
  readonly ghostHits = 0;
  readonly #idle = new Lru<P>();
  readonly #unwritten = new Lru<P>();

  hit(): void {}

  miss(): void {}

  idled(piece: P): void {
    this.#idle.touch(piece);
  }

  held(piece: P): void {
    if (piece.idle > 0) this.#idle.touch(piece);
    else this.#idle.remove(piece);
  }

  evicted(piece: P): void {
    if (piece.idle === 0) this.#idle.remove(piece);
  }

  dropped(piece: P): void {
    this.#idle.remove(piece);
    this.#unwritten.remove(piece);
  }

  dirtied(piece: P): void {
    this.#unwritten.touch(piece);
  }

  cleaned(piece: P): void {
    this.#unwritten.remove(piece);
  }

  unwritten(piece: P): void {
    this.#unwritten.add(piece);
  }

  victim(): P | undefined {
    return this.#idle.oldest();
  }

  flushOrder(): Iterable<P> {
    return this.#unwritten;
  }

  readAhead(piece: P): number {
    return piece.blockCount;
  }
}
