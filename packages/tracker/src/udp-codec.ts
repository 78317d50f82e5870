// The datagrams that a client sends to a UDP tracker and gets from it (BEP 15, BEP 41).
import { concatBytes, decodeCompact } from "@shoal/core";
import {
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  clampIntervals,
  dialable,
  MAX_PEERS,
  toCount,
  UNKNOWN_LEFT,
} from "./announce.ts";
import { printable, TrackerError } from "./error.ts";

/** What a datagram is: the `action` field. */
export const UDP_ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const;

/** What a connect request begins with instead of a connection id. */
export const UDP_PROTOCOL_ID = 0x417_2710_1980n;

/** The `event` field. */
export const UDP_EVENT: Readonly<Record<AnnounceEvent | "none", number>> = {
  none: 0,
  completed: 1,
  started: 2,
  stopped: 3,
};

/** Bytes of an announce request before its options. */
export const UDP_ANNOUNCE_SIZE = 98;

/** A datagram from a tracker; `transaction` is the request's. */
export type UdpAnswer =
  | { readonly action: "connect"; readonly transaction: number; readonly connection: bigint }
  | { readonly action: "announce"; readonly transaction: number; readonly answer: AnnounceAnswer }
  | { readonly action: "scrape"; readonly transaction: number; readonly swarms: UdpSwarm[] }
  | { readonly action: "error"; readonly transaction: number; readonly message: string };

/** What a scrape tells of one swarm: the swarms come in the order in which they were asked for. */
export interface UdpSwarm {
  readonly seeders: number;
  readonly leechers: number;
  /** Downloads completed ever. */
  readonly downloads: number;
}

/** The 16 bytes that ask for a connection id. `transaction`: 32 bits. */
export function encodeUdpConnect(transaction: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, UDP_PROTOCOL_ID);
  view.setUint32(8, UDP_ACTION.connect);
  view.setUint32(12, transaction);
  return bytes;
}

/**
 * The announce.
 *
 * @param connection The tracker's connection id, 64 bits.
 * @param urlData Path and query of the announce URL, sent as URLData options (BEP 41); of one
 *   longer than {@link MAX_URL_DATA} only the beginning.
 */
export function encodeUdpAnnounce(
  connection: bigint,
  transaction: number,
  request: AnnounceRequest,
  urlData: string,
): Uint8Array {
  const data = new TextEncoder().encode(urlData).subarray(0, MAX_URL_DATA);
  const chunks = Math.ceil(data.length / 255);
  const bytes = new Uint8Array(UDP_ANNOUNCE_SIZE + data.length + 2 * chunks);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, connection);
  view.setUint32(8, UDP_ACTION.announce);
  view.setUint32(12, transaction);
  bytes.set(request.infoHash.subarray(0, 20), 16);
  bytes.set(request.peerId.subarray(0, 20), 36);
  view.setBigUint64(56, BigInt(toCount(request.downloaded)));
  view.setBigUint64(64, BigInt(toCount(request.left ?? UNKNOWN_LEFT)));
  view.setBigUint64(72, BigInt(toCount(request.uploaded)));
  view.setUint32(80, UDP_EVENT[request.event ?? "none"]);
  // Bytes 84–87, an address to announce instead of the datagram's own, stay 0 (BEP 7).
  view.setUint32(88, request.key);
  view.setUint32(92, request.numWant);
  view.setUint16(96, request.port);
  let at = UDP_ANNOUNCE_SIZE;
  for (let start = 0; start < data.length; start += 255) {
    const chunk = data.subarray(start, start + 255);
    bytes[at] = OPTION_URL_DATA;
    bytes[at + 1] = chunk.length;
    bytes.set(chunk, at + 2);
    at += 2 + chunk.length;
  }
  return bytes;
}

/**
 * The scrape.
 *
 * @param connection The tracker's connection id, 64 bits.
 * @param infoHashes 20 bytes each; BEP 15 has room for 74.
 */
export function encodeUdpScrape(
  connection: bigint,
  transaction: number,
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  view.setBigUint64(0, connection);
  view.setUint32(8, UDP_ACTION.scrape);
  view.setUint32(12, transaction);
  return concatBytes([head, ...infoHashes]);
}

/** The transaction id of a datagram from a tracker; `undefined` if it is too short for one. */
export function udpTransaction(bytes: Uint8Array): number | undefined {
  return bytes.length < 8 ? undefined : viewOf(bytes).getUint32(4);
}

/**
 * Reads a datagram from a tracker. At most {@link MAX_PEERS} peers are taken.
 *
 * @param family The address family that it came by: it decides the size of a peer.
 * @throws TrackerError `ERR_TRACKER_MALFORMED`
 */
export function parseUdpAnswer(bytes: Uint8Array, family: 4 | 6): UdpAnswer {
  const view = viewOf(bytes);
  expectSize(bytes, 8);
  const action = view.getUint32(0);
  const transaction = view.getUint32(4);
  if (action === UDP_ACTION.connect) {
    expectSize(bytes, 16);
    return { action: "connect", transaction, connection: view.getBigUint64(8) };
  }
  if (action === UDP_ACTION.error) {
    return { action: "error", transaction, message: printable(bytes.subarray(8)) };
  }
  if (action === UDP_ACTION.scrape) {
    return { action: "scrape", transaction, swarms: readSwarms(view) };
  }
  if (action !== UDP_ACTION.announce) throw malformed(`expected action 0–3, got ${action}`);
  expectSize(bytes, 20);
  const peers = bytes.subarray(20, 20 + MAX_PEERS * (family === 4 ? 6 : 18));
  const answer: AnnounceAnswer = {
    ...clampIntervals(view.getInt32(8), undefined),
    leechers: toCount(view.getInt32(12)),
    seeders: toCount(view.getInt32(16)),
    peers: dialable(decodeCompact(peers, family)),
    trackerId: undefined,
    warning: undefined,
    externalIp: undefined,
  };
  return { action: "announce", transaction, answer };
}

/**
 * Reads the options behind an announce request: the URL data (BEP 41), `""` if there is none. Torn
 * options end the reading.
 */
export function parseUrlData(bytes: Uint8Array): string {
  const chunks: number[] = [];
  for (let at = UDP_ANNOUNCE_SIZE; at < bytes.length; ) {
    const type = bytes[at];
    if (type === OPTION_END) break;
    if (type === OPTION_NOP) {
      at++;
      continue;
    }
    const end = at + 2 + (bytes[at + 1] ?? 0);
    if (type === OPTION_URL_DATA && end <= bytes.length)
      chunks.push(...bytes.subarray(at + 2, end));
    at = end;
  }
  return new TextDecoder().decode(Uint8Array.from(chunks));
}

/** Bytes of URL data that are sent, so that an announce fits into one unfragmented datagram. */
export const MAX_URL_DATA = 1020;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_URL_DATA = 2;

/** A torn last entry is left out. */
function readSwarms(view: DataView): UdpSwarm[] {
  const swarms: UdpSwarm[] = [];
  for (let at = 8; at + 12 <= view.byteLength; at += 12) {
    swarms.push({
      seeders: toCount(view.getInt32(at)),
      downloads: toCount(view.getInt32(at + 4)),
      leechers: toCount(view.getInt32(at + 8)),
    });
  }
  return swarms;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function expectSize(bytes: Uint8Array, size: number): void {
  if (bytes.length < size) {
    throw malformed(`expected a datagram of at least ${size} bytes, got ${bytes.length}`);
  }
}

function malformed(message: string): TrackerError {
  return new TrackerError("ERR_TRACKER_MALFORMED", message);
}
