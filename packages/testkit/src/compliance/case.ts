// What a compliance suite consists of.

/** One requirement; register it with any test runner: `it(name, run)`. */
export interface ComplianceCase {
  readonly name: string;
  /** Rejects if the implementation falls short. */
  readonly run: () => Promise<void>;
}
