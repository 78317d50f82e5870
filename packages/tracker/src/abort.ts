// Waiting that ends when a signal aborts, even if what is waited for never does.

/**
 * Settles like `promise`, or rejects with the signal's reason as soon as it aborts; what `promise`
 * does later is then ignored.
 */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
