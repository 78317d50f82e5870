// Lets through what comes often only so often.

/**
 * @param now Ms that never run backwards.
 * @returns a function that is true when `ms` have passed since it was true; always the first time.
 */
export function throttle(ms: number, now: () => number): () => boolean {
  let next = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() < next) return false;
    next = now() + ms;
    return true;
  };
}
