// Ends many things; the failure of one does not keep the others from ending.

/** Ends one after the other. @throws the first failure, when all have been tried. */
export async function endAll(ends: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Waits for all that are ending at the same time. @throws the first failure, when all are over. */
export async function allEnded(endings: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(endings)) {
    if (end.status === "rejected") throw end.reason;
  }
}
