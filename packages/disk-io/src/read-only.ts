// A store that changes nothing: to seed from data that must stay as it is.
import type { StoreFactory, StoreLayout, TorrentStore } from "./contract.ts";
import {
  type InnerStore,
  openInner,
  type StoreCall,
  wrapFactory,
  wrapStore,
} from "./middleware.ts";
import { moduleUrl } from "./module-url.ts";

/** Refuses whatever would change data with `EROFS`; there is nothing to finish or select. */
export function readOnly(store: StoreFactory): StoreFactory {
  return wrapFactory(store, protect, moduleUrl(import.meta.url, "read-only"));
}

/** What disk threads call; see `StoreFactory.thread`. */
export async function openStore(layout: StoreLayout, options: InnerStore): Promise<TorrentStore> {
  return protect(await openInner(layout, options));
}

const REFUSED: readonly StoreCall[] = ["write", "commit", "move", "rename", "remove"];
const NEEDLESS: readonly StoreCall[] = ["finish", "setWanted"];

function protect(store: TorrentStore): TorrentStore {
  return wrapStore(store, (call, _, work) => {
    if (REFUSED.includes(call)) {
      throw Object.assign(new Error("the store is read-only"), { code: "EROFS" });
    }
    return NEEDLESS.includes(call) ? undefined : work();
  });
}
