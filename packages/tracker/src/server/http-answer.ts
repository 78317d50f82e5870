// What the tracker answers to an HTTP request: a function of its target and sender (BEP 3, 7, 23, 48).
import { type BencodeInput, encode } from "@shoal/bencode";
import { concatBytes, type Endpoint, encodeCompact, normalizeIp, toHex } from "@shoal/core";
import type { AnnounceEvent } from "../announce.ts";
import type { Desk } from "./desk.ts";

/** An HTTP answer. */
export interface HttpReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Answers one request.
 *
 * @param target The request target: path and query.
 * @param address The sender's IP address. What the query says of it is ignored, so that nobody can
 *   announce somebody else (BEP 7).
 */
export function answerHttp(desk: Desk, target: string, address: string): HttpReply {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = parseQuery(mark < 0 ? "" : target.slice(mark + 1));
  if (path === "/announce") return announce(desk, target, query, address);
  if (path === "/scrape") return scrape(desk, query);
  desk.refuse();
  return {
    status: 404,
    body: new TextEncoder().encode("Not found: this tracker has /announce.\n"),
  };
}

/** Most peers of each family in an answer. */
const MOST_PEERS = { v4: 200, v6: 200 };
/** Info-hashes in one scrape; more are ignored. */
const MOST_SCRAPES = 74;
const EVENTS: ReadonlySet<string> = new Set(["started", "completed", "stopped"]);

/** Parameters by name, each with its raw bytes in the order of the query. */
type Query = ReadonlyMap<string, readonly Uint8Array[]>;

function announce(desk: Desk, path: string, query: Query, sender: string): HttpReply {
  const infoHash = query.get("info_hash")?.[0];
  const peerId = query.get("peer_id")?.[0];
  const port = integer(query, "port");
  const address = normalizeIp(sender);
  if (infoHash?.length !== 20) return failure(desk, "expected an info_hash of 20 bytes");
  if (peerId?.length !== 20) return failure(desk, "expected a peer_id of 20 bytes");
  if (port === undefined || port < 1 || port > 65_535) {
    return failure(desk, "expected a port of 1-65535");
  }
  if (address === undefined) return failure(desk, "expected a sender with a plain IP address");
  const event = text(query, "event");
  const found = desk.announce(
    {
      infoHash,
      peer: { address, port },
      // Who does not say how much is left counts as a downloader: it gets all peers.
      left: integer(query, "left") ?? 1,
      event: isEvent(event) ? event : undefined,
      numWant: integer(query, "numwant") ?? -1,
      path,
    },
    MOST_PEERS,
  );
  if (found === undefined) return failure(desk, "this tracker does not serve this torrent");
  const isCompact = text(query, "compact") !== "0";
  return ok({
    complete: found.counts.seeders,
    downloaded: found.counts.completed,
    incomplete: found.counts.leechers,
    interval: desk.intervalSeconds,
    "min interval": Math.min(desk.intervalSeconds, 60),
    "external ip": encodeCompact({ address, port: 0 }).slice(0, -2),
    peers: isCompact ? compact(found.v4) : [...found.v4, ...found.v6].map(dictionary),
    peers6: isCompact && found.v6.length > 0 ? compact(found.v6) : undefined,
  });
}

function scrape(desk: Desk, query: Query): HttpReply {
  const named = (query.get("info_hash") ?? []).slice(0, MOST_SCRAPES);
  if (named.length === 0 || named.some(({ length }) => length !== 20)) {
    return failure(desk, "expected info_hash parameters of 20 bytes");
  }
  // A dictionary has no room for a swarm that was named twice.
  const infoHashes = [...new Map(named.map((hash) => [toHex(hash), hash])).values()];
  const files = new Map<Uint8Array, BencodeInput>();
  for (const [i, { seeders, leechers, completed }] of desk.scrape(infoHashes).entries()) {
    const counts = { complete: seeders, downloaded: completed, incomplete: leechers };
    files.set(infoHashes[i] ?? new Uint8Array(), counts);
  }
  return ok({ files });
}

function ok(answer: BencodeInput): HttpReply {
  return { status: 200, body: encode(answer) };
}

/** Trackers report failures in the body: clients read it at status 200 only. */
function failure(desk: Desk, reason: string): HttpReply {
  desk.refuse();
  return ok({ "failure reason": reason });
}

function isEvent(text: string | undefined): text is AnnounceEvent {
  return text !== undefined && EVENTS.has(text);
}

function compact(peers: readonly Endpoint[]): Uint8Array {
  return concatBytes(peers.map(encodeCompact));
}

function dictionary({ address, port }: Endpoint): { ip: string; port: number } {
  return { ip: address, port };
}

function text(query: Query, name: string): string | undefined {
  const bytes = query.get(name)?.[0];
  return bytes && String.fromCharCode(...bytes.subarray(0, 64));
}

function integer(query: Query, name: string): number | undefined {
  const digits = text(query, name);
  if (digits === undefined || !/^-?\d{1,20}$/.test(digits)) return undefined;
  return Number(digits);
}

function parseQuery(query: string): Query {
  const found = new Map<string, Uint8Array[]>();
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    if (equals < 1) continue;
    const name = part.slice(0, equals);
    const values = found.get(name) ?? [];
    values.push(percentDecode(part.slice(equals + 1)));
    found.set(name, values);
  }
  return found;
}

/** Info-hashes are raw bytes, so `decodeURIComponent`, which wants UTF-8, does not serve. */
function percentDecode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const escaped = text[at] === "%" ? /^[0-9a-f]{2}$/i.exec(text.slice(at + 1, at + 3)) : null;
    if (escaped) {
      bytes.push(Number.parseInt(escaped[0], 16));
      at += 2;
    } else {
      bytes.push(text[at] === "+" ? 0x20 : text.charCodeAt(at) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}
