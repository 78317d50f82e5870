// Where lines for people go: a terminal with a live line at its end, or a pipe.
import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { Io, Output } from "../io.ts";
import { throttle } from "./throttle.ts";

/** Colours and weights that are used. */
export type Format = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** A place for lines. */
export interface Screen {
  /** How often the live line is worth an update, in ms. */
  readonly intervalMs: number;
  /** Whether bars are shown. */
  readonly hasBars: boolean;
  /** Characters in a line. */
  readonly columns: number;
  style: (this: void, format: Format, text: string) => string;
  /** A line that stays. */
  print(line: string): void;
  /** The same, on the error stream. */
  warn(line: string): void;
  /** Replaces the live line; in a pipe, prints a line now and then. */
  live(line: string): void;
  /** Takes the live line away; what it told of is over. */
  clear(): void;
  /** Clears, and shows the cursor again. */
  close(): void;
}

const TERMINAL_INTERVAL_MS = 100;
/** In a pipe the first live lines come soon, later ones ever more seldom, and the last one surely. */
const PIPE_INTERVALS_MS = { first: 100, last: 30_000 };
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** The screen that suits the streams. @param now Ms that never run backwards. */
export function openScreen(io: Io, now: () => number): Screen {
  const isTerminal = io.stdout.isTTY === true && io.env.TERM !== "dumb";
  return isTerminal ? terminal(io, now) : pipe(io, now);
}

function terminal({ stdout, stderr }: Io, now: () => number): Screen {
  const update = createLogUpdate(sizedStream(stdout));
  const isTime = throttle(TERMINAL_INTERVAL_MS, now);
  let current = "";
  const above = (stream: Output, line: string): void => {
    update.clear();
    stream.write(`${line}\n`);
    if (current !== "") update(current);
  };
  return {
    intervalMs: TERMINAL_INTERVAL_MS,
    hasBars: true,
    get columns() {
      return stdout.columns || DEFAULT_COLUMNS;
    },
    style: styleFor(stdout),
    print: (line) => above(stdout, line),
    warn: (line) => above(stderr, line),
    live(line) {
      if (!isTime()) return;
      current = line;
      update(line);
    },
    clear() {
      current = "";
      update.clear();
    },
    close() {
      update.clear();
      update.done();
    },
  };
}

function pipe({ stdout, stderr }: Io, now: () => number): Screen {
  const { first } = PIPE_INTERVALS_MS;
  let interval = first;
  let next = now() + interval;
  let printed = "";
  let latest = "";
  const print = (line: string): void => void stdout.write(`${line}\n`);
  const printLatest = (): void => {
    if (latest !== printed) print(latest);
    printed = latest;
  };
  return {
    intervalMs: first,
    hasBars: false,
    columns: DEFAULT_COLUMNS,
    style: (_, text) => text,
    print,
    warn: (line) => void stderr.write(`${line}\n`),
    live(line) {
      latest = line;
      if (now() < next || line === printed) return;
      interval = Math.min(interval * 2, PIPE_INTERVALS_MS.last);
      next = now() + interval;
      printLatest();
    },
    clear() {
      printLatest();
      interval = first;
      next = now() + interval;
    },
    close: printLatest,
  };
}

/**
 * The part of a stream that log-update uses. Terminals that don't know their size say 0, for which
 * it would show nothing.
 */
function sizedStream(output: Output): NodeJS.WritableStream {
  const stream = {
    isTTY: true,
    write: (text: string) => output.write(text),
    get columns() {
      return output.columns || DEFAULT_COLUMNS;
    },
    get rows() {
      return output.rows || DEFAULT_ROWS;
    },
  };
  return stream as unknown as NodeJS.WritableStream;
}

function styleFor(stream: Output): Screen["style"] {
  if (stream.hasColors?.() !== true) return (_, text) => text;
  return (format, text) => styleText(format, text, { validateStream: false });
}
