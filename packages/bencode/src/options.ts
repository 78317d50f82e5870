// Limits and strictness of decoding.
import type { BencodeFault } from "./error.ts";

/** How much a decoder takes, and what it does about input that is not canonical. */
export interface DecodeOptions {
  /** How deep lists and dictionaries may nest. Default 100. */
  readonly maxDepth?: number;
  /** How many values, keys and end marks there may be. Default 3,000,000. */
  readonly maxTokens?: number;
  /** Bytes that a string may have. Default 99,999,999. */
  readonly maxStringLength?: number;
  /** `strict` throws what `lenient` (the default) only reports to `onFault`. */
  readonly mode?: "strict" | "lenient";
  /** Called for each tolerated deviation, in the order of the input. */
  readonly onFault?: (fault: BencodeFault) => void;
}
