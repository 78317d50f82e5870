/**
 * The tracker client: announces and scrapes over HTTP and UDP, tiers and scheduling, as a source of peers.
 * Portable: sockets, time and randomness come from a host object.
 *
 * @packageDocumentation
 */
export {
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  DEFAULT_INTERVAL,
  MAX_INTERVAL,
  MAX_PEERS,
  MIN_INTERVAL,
  UNKNOWN_LEFT,
} from "./announce.ts";
export { MAX_RESPONSE } from "./announcer.ts";
export { TrackerError, type TrackerErrorCode } from "./error.ts";
export type { TrackerFeed } from "./feed.ts";
export type { HttpAnswer, HttpFetch, TrackerHost, UdpTrackerHost } from "./host.ts";
export { buildAnnounceUrl, parseHttpAnnounce } from "./http-announce.ts";
export { buildScrapeUrl, MAX_SCRAPE, parseHttpScrape, type ScrapeEntry } from "./scrape.ts";
export { createTrackerSource, type TrackerSource, type TrackerSourceOptions } from "./source.ts";
export { MAX_TRACKERS } from "./tracker-list.ts";
export type { RouteStatus, TrackerState, TrackerStatus } from "./tracker-status.ts";
export { parseTrackerUrl, type TrackerUrl } from "./tracker-url.ts";
export { UdpTrackerClient, type UdpTrackerOptions } from "./udp-client.ts";
export {
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
  MAX_URL_DATA,
  parseUdpAnswer,
  parseUrlData,
  UDP_ACTION,
  UDP_ANNOUNCE_SIZE,
  UDP_EVENT,
  UDP_PROTOCOL_ID,
  type UdpAnswer,
  type UdpSwarm,
  udpTransaction,
} from "./udp-codec.ts";
