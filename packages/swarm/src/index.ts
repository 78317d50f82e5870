/**
 * The connections of one BitTorrent swarm: whom to dial, whom to accept, who is interested in what,
 * and what extensions see of it. Sockets, time and the transfer itself come through narrow hosts.
 *
 * @packageDocumentation
 */
export { PRIVATE_ORIGINS } from "./company.ts";
export { Connection } from "./connection.ts";
export { Extensions, type ExtensionsHost } from "./extensions.ts";
export type { SwarmContent, SwarmHost, SwarmSession } from "./host.ts";
export type { Sender } from "./sender.ts";
export { Swarm } from "./swarm.ts";
