/**
 * The shared vocabulary of a BitTorrent engine: values that every package speaks of, and the seams
 * between packages. It performs no I/O and imports nothing.
 *
 * @packageDocumentation
 */
export { Bitfield } from "./bitfield.ts";
export { compareBytes, concatBytes, copyBytes, equalBytes, fromHex, toHex } from "./bytes.ts";
export { type Alarm, Deadlines } from "./deadlines.ts";
export {
  decodeCompact,
  type Endpoint,
  encodeCompact,
  endpoint,
  endpointFamily,
  formatEndpoint,
  parseEndpoint,
} from "./endpoint.ts";
export { asError, errorCode, ShoalError } from "./error.ts";
export { Emitter, type EventMap, type EventSource } from "./events.ts";
export {
  BLOCK_SIZE,
  type BlockIndex,
  blockIndex,
  PieceGeometry,
  type PieceIndex,
  pieceIndex,
} from "./geometry.ts";
export {
  canonicalAddress,
  formatIp,
  ipFamily,
  isDialable,
  isLocal,
  normalizeIp,
  parseIp,
  zoneOf,
} from "./ip.ts";
export { peerPriority } from "./priority.ts";
export { createRng, type Entropy, type Rng, randomInt, shuffle } from "./random.ts";
export { RateMeter } from "./rate.ts";
export type {
  BlockFacts,
  BlockFeed,
  BlockLane,
  BlockLaneHandler,
  BlockSource,
  ByteRun,
  Clock,
  Datagrams,
  DhtLink,
  Duplex,
  DuplexHandler,
  Listener,
  Machine,
  PeerFeed,
  PeerSource,
  SwarmFacts,
  Transport,
} from "./seams.ts";
