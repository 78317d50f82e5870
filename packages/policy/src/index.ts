/**
 * The policies of a BitTorrent swarm: whom to dial, whom to unchoke, how fast, whom to ban. They
 * decide and count; they do no I/O and read no clock.
 *
 * @packageDocumentation
 */
export { RateLimit, type RateLimitInit } from "./bandwidth.ts";
export { Blame, type FailedVerdict, type PassedVerdict } from "./blame.ts";
export { type Blocklist, type BlocklistFaults, parseBlocklist } from "./blocklist.ts";
export { Choker, type ChokerInit, type ChokerVerdict, RECHOKE_INTERVAL } from "./choker.ts";
export { ConnectionBudget, type ConnectionLimits, DialRotation } from "./connection-budget.ts";
export { IpFilter, type IpRange } from "./ip-filter.ts";
export type { KnownPeer, PeerOrigin } from "./known-peer.ts";
export { PeerList, type PeerListInit } from "./peer-list.ts";
export type { ChokerPeer } from "./turn.ts";
