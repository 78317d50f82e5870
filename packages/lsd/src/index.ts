/**
 * Local service discovery (BEP 14): finds peers in the local network by multicast.
 *
 * @packageDocumentation
 */
export type { LsdHost, LsdOptions, LsdSocket } from "./host.ts";
export { encodeLsd, type LsdAnnounce, MAX_INFO_HASHES, parseLsd } from "./message.ts";
export { createLsdSource, LSD_GROUPS } from "./source.ts";
