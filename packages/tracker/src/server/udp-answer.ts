// What the tracker answers to a datagram: a function of its bytes and sender (BEP 15, BEP 41).
import {
  concatBytes,
  type Endpoint,
  encodeCompact,
  endpointFamily,
  formatEndpoint,
} from "@shoal/core";
import type { AnnounceEvent } from "../announce.ts";
import {
  parseUrlData,
  UDP_ACTION,
  UDP_ANNOUNCE_SIZE,
  UDP_EVENT,
  UDP_PROTOCOL_ID,
} from "../udp-codec.ts";
import type { Desk } from "./desk.ts";

/**
 * Makes and checks connection ids, 64 bits each: bound to the sender's endpoint and valid for one
 * to two minutes, so that only who receives at an address can announce it.
 */
export interface ConnectionIds {
  issue(endpoint: string): bigint;
  accepts(endpoint: string, id: bigint): boolean;
}

/**
 * Answers one datagram. Never with more bytes than it brought, unless the sender has proved by its
 * connection id that it receives there.
 *
 * @returns `undefined` if it deserves none.
 */
export function answerUdp(
  desk: Desk,
  ids: ConnectionIds,
  bytes: Uint8Array,
  from: Endpoint,
): Uint8Array | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const connection = view.getBigUint64(0);
  const action = view.getUint32(8);
  const transaction = view.getUint32(12);
  const sender = formatEndpoint(from);
  if (action === UDP_ACTION.connect) {
    if (connection !== UDP_PROTOCOL_ID) return undefined;
    const answer = frame(UDP_ACTION.connect, transaction, 16);
    answer.setBigUint64(8, ids.issue(sender));
    return new Uint8Array(answer.buffer);
  }
  if (!ids.accepts(sender, connection)) {
    // Shorter than any announce, so of no use for flooding a third party.
    return bytes.length < UDP_ANNOUNCE_SIZE
      ? undefined
      : failure(desk, transaction, "connection id expired");
  }
  if (action === UDP_ACTION.announce) return announce(desk, view, bytes, from, transaction);
  if (action === UDP_ACTION.scrape) return scrape(desk, bytes, transaction);
  return failure(desk, transaction, "unknown action");
}

/** Most peers of each family, so that an answer is one unfragmented datagram. */
const MOST_PEERS = { v4: 200, v6: 70 };
/** Info-hashes in one scrape (BEP 15); more are ignored. */
const MOST_SCRAPES = 74;
const EVENTS: ReadonlyMap<number, AnnounceEvent> = new Map([
  [UDP_EVENT.started, "started"],
  [UDP_EVENT.completed, "completed"],
  [UDP_EVENT.stopped, "stopped"],
]);

function announce(
  desk: Desk,
  view: DataView,
  bytes: Uint8Array,
  from: Endpoint,
  transaction: number,
): Uint8Array {
  if (bytes.length < UDP_ANNOUNCE_SIZE) return failure(desk, transaction, "announce too short");
  const port = view.getUint16(96);
  if (port === 0) return failure(desk, transaction, "expected a port of 1-65535");
  const found = desk.announce(
    {
      infoHash: bytes.subarray(16, 36),
      peer: { address: from.address, port },
      left: Number(view.getBigUint64(64)),
      event: EVENTS.get(view.getUint32(80)),
      numWant: view.getInt32(92),
      path: parseUrlData(bytes),
    },
    MOST_PEERS,
  );
  if (found === undefined) {
    return failure(desk, transaction, "this tracker does not serve this torrent");
  }
  const answer = frame(UDP_ACTION.announce, transaction, 20);
  answer.setUint32(8, desk.intervalSeconds);
  answer.setUint32(12, found.counts.leechers);
  answer.setUint32(16, found.counts.seeders);
  const peers = endpointFamily(from) === 4 ? found.v4 : found.v6;
  return concatBytes([new Uint8Array(answer.buffer), ...peers.map(encodeCompact)]);
}

function scrape(desk: Desk, bytes: Uint8Array, transaction: number): Uint8Array {
  const infoHashes: Uint8Array[] = [];
  for (let at = 16; at + 20 <= bytes.length && infoHashes.length < MOST_SCRAPES; at += 20) {
    infoHashes.push(bytes.subarray(at, at + 20));
  }
  const answer = frame(UDP_ACTION.scrape, transaction, 8 + 12 * infoHashes.length);
  for (const [i, { seeders, completed, leechers }] of desk.scrape(infoHashes).entries()) {
    answer.setUint32(8 + 12 * i, seeders);
    answer.setUint32(12 + 12 * i, completed);
    answer.setUint32(16 + 12 * i, leechers);
  }
  return new Uint8Array(answer.buffer);
}

function failure(desk: Desk, transaction: number, reason: string): Uint8Array {
  desk.refuse();
  const text = new TextEncoder().encode(reason);
  const answer = new Uint8Array(frame(UDP_ACTION.error, transaction, 8 + text.length).buffer);
  answer.set(text, 8);
  return answer;
}

function frame(action: number, transaction: number, size: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, action);
  view.setUint32(4, transaction);
  return view;
}
