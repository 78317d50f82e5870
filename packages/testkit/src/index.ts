/**
 * A simulated network, disk and clock, hostile peers and compliance suites for BitTorrent code.
 *
 * @packageDocumentation
 */
export { TestkitError } from "./error.ts";
export type { SimHost } from "./host.ts";
export { memoryTransport } from "./memory-transport.ts";
export type { HostOptions, SimNetwork } from "./network.ts";
export { createSimulation, type Simulation } from "./simulation.ts";
