// Stores around stores: what `slow`, `timed` and `readOnly` are made with.
import type { MaybePromise, StoreFactory, StoreLayout, TorrentStore } from "./contract.ts";
import { lengthOf } from "./vectored.ts";

/** A call of a store. */
export type StoreCall = Exclude<keyof TorrentStore, "warning" | "calls">;

/**
 * Does something around each call of a store.
 *
 * @param bytes What is to be read or written; 0 for other calls.
 * @param work Makes the call; its result is to be returned.
 */
export type Around = (
  call: StoreCall,
  bytes: number,
  work: () => MaybePromise<unknown>,
) => MaybePromise<unknown>;

/** A store with the same members, each of whose calls goes through `around`. */
export function wrapStore(store: TorrentStore, around: Around): TorrentStore {
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) =>
        around(name as StoreCall, bytesOf(args), () => Reflect.apply(member, target, args));
    },
  });
}

/** How disk threads open the store that another is around. */
export interface InnerStore {
  readonly inner: NonNullable<StoreFactory["thread"]>;
}

/** Opens the store that another is around, in a disk thread. */
export async function openInner(layout: StoreLayout, { inner }: InnerStore): Promise<TorrentStore> {
  const module = (await import(inner.module)) as StoreModule;
  return module.openStore(layout, inner.options);
}

/**
 * A factory whose stores are wrapped, in disk threads too if the inner ones run there.
 *
 * @param url `import.meta.url` of a module that exports `openStore(layout, { inner, …options })`;
 *   undefined if the stores must run on the main thread.
 */
export function wrapFactory(
  store: StoreFactory,
  wrap: (opened: TorrentStore) => TorrentStore,
  url?: string,
  options: object = {},
): StoreFactory {
  const open = async (layout: StoreLayout): Promise<TorrentStore> => wrap(await store.open(layout));
  if (store.thread === undefined || url === undefined) return { open };
  return { open, thread: { module: url, options: { ...options, inner: store.thread } } };
}

interface StoreModule {
  openStore(layout: StoreLayout, options: unknown): MaybePromise<TorrentStore>;
}

/** `read` and `write` have views for their third argument. */
function bytesOf([, , views]: readonly unknown[]): number {
  return Array.isArray(views) ? lengthOf(views as Uint8Array[]) : 0;
}
