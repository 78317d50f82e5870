// All hostile peers.
import { cheats } from "./cheats.ts";
import { floods } from "./floods.ts";
import type { HostilePeer } from "./hostile-peer.ts";
import { strangers } from "./strangers.ts";
import { vandals } from "./vandals.ts";

/** One peer for each way to break or strain the rules; names are unique. */
export const hostilePeers: readonly HostilePeer[] = [
  ...strangers,
  ...vandals,
  ...floods,
  ...cheats,
];
