// The addresses of trackers' names, remembered for a while for all torrents.
import type { Clock } from "@shoal/core";
import { asTrackerError, TrackerError } from "./error.ts";

/** Resolves names through the host, each once at a time. */
export class Names {
  readonly #clock: Clock;
  readonly #resolve: (name: string) => Promise<readonly string[]>;
  /** Oldest first. */
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, resolve: (name: string) => Promise<readonly string[]>) {
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /**
   * The addresses of a name, or of an IP address that address itself.
   *
   * @param options `stale`: older ones will do, so that a good-bye need not wait for name servers.
   * @throws TrackerError `ERR_TRACKER_UNREACHABLE`
   */
  async lookUp(name: string, options: { stale?: boolean } = {}): Promise<readonly string[]> {
    const known = this.#known.get(name);
    if (known && (options.stale || known.expires > this.#clock.now())) return await known.addresses;
    const asked = this.#ask(name);
    this.#known.delete(name);
    this.#known.set(name, asked);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_NAMES && oldest !== undefined) this.#known.delete(oldest);
    return await asked.addresses;
  }

  #ask(name: string): Known {
    const addresses = this.#resolve(name).then(
      (found) => {
        asked.expires = this.#clock.now() + KEEP_MS;
        return found;
      },
      (cause: unknown) => {
        asked.expires = this.#clock.now() + KEEP_FAILURE_MS;
        const message = `expected the tracker's address: ${asTrackerError(cause).message}`;
        throw new TrackerError("ERR_TRACKER_UNREACHABLE", message, { cause });
      },
    );
    const asked: Known = { addresses, expires: this.#clock.now() + PATIENCE_MS };
    return asked;
  }
}

interface Known {
  readonly addresses: Promise<readonly string[]>;
  /** Ms of the clock. */
  expires: number;
}

/** How long addresses are used; libtorrent's `resolver_cache_timeout`. */
const KEEP_MS = 1_200_000;
/** As long as the shortest pause before a tracker is asked again. */
const KEEP_FAILURE_MS = 15_000;
/** After so long without an answer a name is asked for again. */
const PATIENCE_MS = 30_000;
const MAX_NAMES = 1000;
