// A duplex's owner that writes down what it is told and lets one wait for it.
import type { Duplex } from "@shoal/core";

/** What has happened on a stream since it was attached. */
export interface Recorder {
  readonly bytes: number;
  /** Every total that `flushed` was given. */
  readonly flushes: readonly number[];
  readonly closings: readonly (Error | undefined)[];
  /** Whether anything was told after the closing. */
  readonly toldAfterwards: boolean;
  /** A copy of all that was received. */
  content(): Uint8Array;
  /** Resolves once the condition holds; looked at after each thing told. */
  until(condition: (recorder: Recorder) => boolean): Promise<void>;
}

/** Attaches a recorder. */
export function record(duplex: Duplex): Recorder {
  const chunks: Buffer[] = [];
  const waiting = new Set<() => void>();
  const recorder = {
    bytes: 0,
    flushes: [] as number[],
    closings: [] as (Error | undefined)[],
    toldAfterwards: false,
    content: () => Buffer.concat(chunks),
    until: (condition: (recorder: Recorder) => boolean) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!condition(recorder)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
  const told = (): void => {
    for (const look of waiting) look();
  };
  const note = (what: () => void): void => {
    if (recorder.closings.length > 0) recorder.toldAfterwards = true;
    what();
    told();
  };
  duplex.attach({
    received: (chunk) =>
      note(() => {
        chunks.push(Buffer.from(chunk));
        recorder.bytes += chunk.length;
      }),
    flushed: (total) => note(() => recorder.flushes.push(total)),
    closed: (error) => note(() => recorder.closings.push(error)),
  });
  return recorder;
}
