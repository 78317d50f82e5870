/**
 * A simulated network, disk and clock, hostile peers and compliance suites for BitTorrent code.
 *
 * @packageDocumentation
 */
export type { ComplianceCase } from "./compliance/case.ts";
export { extensionCompliance } from "./compliance/extension.ts";
export { type PeerSourceFixture, peerSourceCompliance } from "./compliance/peer-source.ts";
export { type StoreFixture, storeCompliance } from "./compliance/store.ts";
export { type TransportFixture, transportCompliance } from "./compliance/transport.ts";
export { TestkitError } from "./error.ts";
export type { HostOptions, SimHost } from "./host.ts";
export { corrupts } from "./hostile/cheats.ts";
export type { HostilePeer, HostileTarget } from "./hostile/hostile-peer.ts";
export { hostilePeers } from "./hostile/index.ts";
export { memoryTransport } from "./memory-transport.ts";
export type { SimNetwork } from "./network.ts";
export { type PeerScript, ScriptedPeer } from "./scripted-peer.ts";
export { createSimulation, type Simulation } from "./simulation.ts";
export {
  type VirtualDisk,
  type VirtualDiskJob,
  type VirtualDiskOptions,
  virtualDisk,
} from "./virtual-disk.ts";
