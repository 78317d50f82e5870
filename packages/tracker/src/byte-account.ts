// Which of a torrent's bytes a tracker was told of, so that it hears of each one once.
import type { Route } from "./route.ts";

/** Bytes of payload. */
export interface Bytes {
  readonly uploaded: number;
  readonly downloaded: number;
}

/**
 * Of the routes to a tracker only one, the counting one, reports bytes; the others report none, for
 * a tracker that keeps its books by address would add up what each tells. When the counting route
 * fails, the next one that announces takes over and goes on where the tracker's last
 * acknowledgement ended. The old one, should it work again, begins anew with `started`: a tracker
 * that keeps its books by peer id would take its old, higher count for new bytes.
 */
export class ByteAccount {
  #counting: Route | undefined;
  /** Told by counting routes before the present one. */
  #base: Bytes = NONE;
  /** In the last announce by the counting route, base included. */
  #reported: Bytes = NONE;
  #acknowledged: Bytes = NONE;

  /**
   * What an announce by `route` is to report.
   *
   * @param total Bytes since the torrent was started.
   */
  report(route: Route, total: Bytes): Bytes {
    const counting = this.#counting;
    if (counting === undefined || (counting !== route && counting.failures > 0)) {
      if (counting !== undefined) counting.fresh = true;
      this.#counting = route;
      this.#base = this.#acknowledged;
    }
    if (this.#counting !== route) return NONE;
    this.#reported = total;
    return {
      uploaded: total.uploaded - this.#base.uploaded,
      downloaded: total.downloaded - this.#base.downloaded,
    };
  }

  /** Whether it is this route that reports bytes and the download's completion. */
  isCounting(route: Route): boolean {
    return this.#counting === route;
  }

  /** The tracker has answered the last announce by `route`. */
  acknowledge(route: Route): void {
    if (this.#counting === route) this.#acknowledged = this.#reported;
  }
}

const NONE: Bytes = { uploaded: 0, downloaded: 0 };
