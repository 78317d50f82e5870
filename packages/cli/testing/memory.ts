// Streams that remember, and a clock that is set by hand.
import type { Output } from "../src/io.ts";

/** A stream that keeps what is written. */
export class Memory implements Output {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly #colors: boolean;

  constructor(terminal?: { columns?: number; rows?: number; colors?: boolean }) {
    this.isTTY = terminal !== undefined;
    this.columns = terminal?.columns;
    this.rows = terminal?.rows;
    this.#colors = terminal?.colors ?? false;
  }

  write(text: string): void {
    this.text += text;
  }

  hasColors(): boolean {
    return this.#colors;
  }
}

/** Everything that a run needs, with nothing behind it. */
export function memoryIo(stdout: Memory = new Memory()): {
  stdout: Memory;
  stderr: Memory;
  env: { TERM?: string; DEBUG?: string };
  signal: AbortSignal;
} {
  return { stdout, stderr: new Memory(), env: {}, signal: new AbortController().signal };
}
