// The HTTP announce: the URL that asks (BEP 3, 7, 23) and the answer (BEP 3, 7, 23, 24, 31).
import { BencodeDict } from "@shoal/bencode";
import { copyBytes, decodeCompact, type Endpoint, formatIp, normalizeIp } from "@shoal/core";
import {
  type AnnounceAnswer,
  type AnnounceRequest,
  clampIntervals,
  dialable,
  MAX_PEERS,
  toCount,
  UNKNOWN_LEFT,
} from "./announce.ts";
import { printable } from "./error.ts";
import { percentEncode, readAnswer, readCount, readInteger } from "./http-body.ts";
import type { TrackerUrl } from "./tracker-url.ts";

/** The URL to get. The tracker's own query is kept as it is. */
export function buildAnnounceUrl(tracker: TrackerUrl, request: AnnounceRequest): string {
  const query = [
    `info_hash=${percentEncode(request.infoHash)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${toCount(request.uploaded)}`,
    `downloaded=${toCount(request.downloaded)}`,
    `left=${toCount(request.left ?? UNKNOWN_LEFT)}`,
    `key=${(request.key >>> 0).toString(16).padStart(8, "0")}`,
    `numwant=${request.numWant}`,
    "compact=1",
    "no_peer_id=1",
  ];
  if (request.event !== undefined) query.push(`event=${request.event}`);
  if (request.trackerId !== undefined) query.push(`trackerid=${percentEncode(request.trackerId)}`);
  const joint = !tracker.href.includes("?") ? "?" : /[?&]$/.test(tracker.href) ? "" : "&";
  return `${tracker.href}${joint}${query.join("&")}`;
}

/**
 * Reads the body of an answer. At most {@link MAX_PEERS} peers are taken; peers that are named by a
 * host name are left out, since resolving a stranger's names is work and a risk.
 *
 * @throws TrackerError `ERR_TRACKER_REFUSED` if the tracker gives a failure reason,
 *   `ERR_TRACKER_MALFORMED` if the body is no answer of a tracker.
 */
export function parseHttpAnnounce(body: Uint8Array): AnnounceAnswer {
  const answer = readAnswer(body);
  const warning = answer.bytes("warning message");
  const externalIp = answer.bytes("external ip");
  const trackerId = answer.bytes("tracker id");
  return {
    ...clampIntervals(readInteger(answer, "interval"), readInteger(answer, "min interval")),
    seeders: readCount(answer, "complete"),
    leechers: readCount(answer, "incomplete"),
    peers: dialable([...readPeers(answer), ...readPeers6(answer)].slice(0, MAX_PEERS)),
    trackerId: trackerId && copyBytes(trackerId.subarray(0, MAX_TRACKER_ID)),
    warning: warning && printable(warning),
    externalIp:
      externalIp?.length === 4 || externalIp?.length === 16 ? formatIp(externalIp) : undefined,
  };
}

/** Bytes of a tracker id that are kept and sent back. */
const MAX_TRACKER_ID = 256;

function readPeers(answer: BencodeDict): Endpoint[] {
  const compact = answer.bytes("peers");
  if (compact !== undefined) return decodeCompact(compact.subarray(0, 6 * MAX_PEERS), 4);
  const found: Endpoint[] = [];
  for (const peer of answer.list("peers")?.slice(0, MAX_PEERS) ?? []) {
    if (!(peer instanceof BencodeDict)) continue;
    const address = normalizeIp(peer.text("ip") ?? "");
    const port = peer.int("port") ?? 0;
    if (address !== undefined && port > 0 && port < 0x1_0000) found.push({ address, port });
  }
  return found;
}

function readPeers6(answer: BencodeDict): Endpoint[] {
  const compact = answer.bytes("peers6");
  return compact === undefined ? [] : decodeCompact(compact.subarray(0, 18 * MAX_PEERS), 6);
}
