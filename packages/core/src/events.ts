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
  /** In order of registration. Replaced, never changed: an emitter nobody listens to holds nothing. */
  #registered: readonly Registration<Events>[] = NONE;

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const entry = { name, listener };
    this.#registered = [...this.#registered, entry];
    return () => {
      this.#registered = this.#registered.filter((other) => other !== entry);
    };
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
    for (const entry of this.#registered) if (entry.name === name) return true;
    return false;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const entry of this.#registered) {
      // One that was called before may have removed it.
      if (entry.name !== name || !this.#registered.includes(entry)) continue;
      try {
        entry.listener(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

interface Registration<Events extends EventMap> {
  readonly name: keyof Events;
  readonly listener: (event: never) => void;
}

const NONE: readonly never[] = [];
