// What changes over a torrent's life; operations that change it run one after the other.
import type { Alarm } from "@shoal/core";
import { TorrentError } from "./error.ts";
import type { TorrentHost } from "./host.ts";
import type { TorrentState } from "./types.ts";

/** The state of one torrent and what belongs to it. */
export class Life {
  state: TorrentState = "checking";
  /** Why the state is `error`. */
  error: Error | undefined;
  /** The user's last word was that there shall be no traffic. */
  paused: boolean;
  /** What lies on disk is known: only then may anything be written. */
  verified = false;
  /** Every wanted piece is stored, but not yet what no piece makes, such as empty files. */
  finishing = false;
  /** Share of the pieces that the running check has seen, 0–1. */
  checked = 0;
  /** Aborted by `close`. */
  readonly closing: AbortController = new AbortController();
  /** Rings when a disk error is to be tried again. */
  readonly retry: Alarm;
  /** Settles when nobody is being told good-bye any more. */
  quiet: Promise<unknown> = Promise.resolve();
  #last: Promise<void> = Promise.resolve();

  constructor(host: TorrentHost, paused: boolean, onRetry: () => void) {
    this.paused = paused;
    this.retry = host.deadlines.alarm(onRetry);
  }

  /** Connections are wanted. */
  get isActive(): boolean {
    return this.state === "metadata" || this.state === "downloading" || this.state === "seeding";
  }

  get isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  /** Runs `operation` after all that were begun before. */
  serially(operation: () => Promise<void>): Promise<void> {
    const done = this.#last.then(operation);
    this.#last = done.catch(() => {});
    return done;
  }
}

export function closedError(): TorrentError {
  return new TorrentError("ERR_TORRENT_CLOSED", "the torrent was closed or removed");
}
