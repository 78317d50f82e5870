// Typed events: observers that see what happens and cannot veto it.

/** Maps an event's name to what its listeners are given. */
export type EventMap = object;

/** Where listeners register; what users of a torrent or session see. */
export interface EventSource<Events extends EventMap> {
  /** Calls `listener` for each such event until the returned function is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
  /** The next such event. Rejects with the signal's reason if it aborts first. */
  once<Name extends keyof Events>(
    name: Name,
    options?: { signal?: AbortSignal },
  ): Promise<Events[Name]>;
}

/**
 * An {@link EventSource} with the other end: `emit`.
 *
 * A listener that throws disturbs neither the emitter nor other listeners; its error is thrown
 * from a microtask, so the process sees it as uncaught.
 */
export class Emitter<Events extends EventMap> implements EventSource<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(name, listeners);
    }
    // A wrapper of its own, so that one function registered twice is two registrations.
    const entry = (event: Events[Name]): void => listener(event);
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  once<Name extends keyof Events>(
    name: Name,
    options: { signal?: AbortSignal } = {},
  ): Promise<Events[Name]> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = (): void => {
        off();
        reject(signal?.reason);
      };
      const off = this.on(name, (event) => {
        off();
        signal?.removeEventListener("abort", abort);
        resolve(event);
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Whether anybody listens: lets an emitter skip the making of an event that nobody sees. */
  hasListeners(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners] as ((event: Events[Name]) => void)[]) {
      // One that was called before may have removed it.
      if (!listeners.has(listener)) continue;
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
