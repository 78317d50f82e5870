// What changes over a torrent's life; operations that change it run one after the other.
import { TorrentError } from "./error.ts";
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
  /** The torrent is being closed, or is. */
  isClosing = false;
  /** Ends the check that is running. */
  check: AbortController | undefined;
  /** Settles when nobody is being told good-bye any more. */
  quiet: Promise<unknown> = Promise.resolve();
  #last: Promise<void> = Promise.resolve();

  constructor(paused: boolean) {
    this.paused = paused;
  }

  /** Connections are wanted. */
  get isActive(): boolean {
    return this.state === "metadata" || this.state === "downloading" || this.state === "seeding";
  }

  /** From now on nothing begins, and what takes long ends. */
  close(): void {
    this.isClosing = true;
    this.check?.abort(closedError());
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
