// What the commands see of the world around them: given, so that tests can give their own.

/** Where text goes. The standard streams of Node are such. */
export interface Output {
  write(text: string): unknown;
  /** Somebody looks at it: bars and colour are welcome. */
  readonly isTTY?: boolean | undefined;
  /** Characters in a line of the terminal. */
  readonly columns?: number | undefined;
  /** Lines of the terminal. */
  readonly rows?: number | undefined;
  /** Whether the terminal shows colours, and the user wants them (NO_COLOR). */
  hasColors?(): boolean;
}

/** The surroundings of one run. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: {
    /** `dumb` terminals get plain lines. */
    readonly TERM?: string | undefined;
    /** Anything but empty adds stack traces to errors. */
    readonly DEBUG?: string | undefined;
    /** Folders for what programs learn, on Unix and on Windows. */
    readonly XDG_STATE_HOME?: string | undefined;
    readonly LOCALAPPDATA?: string | undefined;
  };
  /** Aborted when the user wants to leave, with an `Interrupted` as its reason. */
  readonly signal: AbortSignal;
}
