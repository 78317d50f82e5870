// Messages of the Port Control Protocol (RFC 6887): the MAP opcode, from bytes to values and back.
import { copyBytes, formatIp, parseIp } from "@shoal/core";

/** The UDP port of gateways, for PCP and NAT-PMP alike. */
export const PCP_PORT = 5351;

/** The protocol's version. */
export const PCP_VERSION = 2;

/** Bytes of a nonce. */
export const PCP_NONCE_BYTES = 12;

/** Result codes (RFC 6887 §7.4) by number, as text for people. */
export const PCP_RESULTS: readonly string[] = [
  "success",
  "version not supported",
  "not authorized",
  "malformed request",
  "opcode not supported",
  "option not supported",
  "malformed option",
  "network failure",
  "no resources",
  "protocol not supported",
  "quota exceeded",
  "external address or port not available",
  "our address is not the one that it sees: another NAT lies between",
  "too many remote peers",
];

/** A request to make, renew or delete a mapping. */
export interface PcpMapRequest {
  /** Our address, as the gateway sees it: else it refuses. */
  readonly client: string;
  /** 12 bytes; only who knows them can renew or delete the mapping. */
  readonly nonce: Uint8Array;
  readonly protocol: "tcp" | "udp";
  /** 1–65535. */
  readonly internalPort: number;
  /** Preferred; 0 if any will do. */
  readonly externalPort: number;
  /** Preferred; undefined if any will do. */
  readonly externalAddress?: string | undefined;
  /** Seconds; 0 deletes. */
  readonly lifetime: number;
}

/** What a gateway answered to a MAP request. */
export interface PcpMapAnswer {
  /** 0 for success; see {@link PCP_RESULTS}. */
  readonly result: number;
  /** Seconds: of the mapping, or for which a failure is going to last. */
  readonly lifetime: number;
  /** Seconds since the gateway lost its state. */
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly protocol: "tcp" | "udp";
  readonly internalPort: number;
  readonly externalPort: number;
  /** Canonical text; undefined if unspecified. */
  readonly externalAddress: string | undefined;
}

/**
 * Writes a MAP request of 60 bytes (RFC 6887 §7.1, §11.1).
 *
 * @throws RangeError if an address is not an IP address or the nonce has another length.
 */
export function encodePcpMap(request: PcpMapRequest): Uint8Array {
  const { client, nonce, externalAddress } = request;
  if (nonce.length !== PCP_NONCE_BYTES) {
    throw new RangeError(`expected a nonce of ${PCP_NONCE_BYTES} bytes, got ${nonce.length}`);
  }
  const bytes = new Uint8Array(MAP_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = PCP_VERSION;
  bytes[1] = OP_MAP;
  view.setUint32(4, request.lifetime);
  bytes.set(wide(client), 8);
  bytes.set(nonce, 24);
  bytes[36] = request.protocol === "tcp" ? TCP : UDP;
  view.setUint16(40, request.internalPort);
  view.setUint16(42, request.externalPort);
  // All zeros of the client's family ask for any address (RFC 6887 §11.1).
  bytes.set(wide(externalAddress ?? (client.includes(":") ? "::" : "0.0.0.0")), 44);
  return bytes;
}

/**
 * Reads an answer to a MAP request.
 *
 * @returns `"version"` if the gateway speaks PCP of another version or NAT-PMP (RFC 6887 §9, and
 *   RFC 6886 §3.5 in whose format such a gateway says so), `undefined` for what is no answer to MAP.
 */
export function decodePcpMap(bytes: Uint8Array): PcpMapAnswer | "version" | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || bytes.length > MOST_BYTES) return undefined;
  if (bytes[0] === 0) {
    return (view.getUint8(1) & ANSWER) !== 0 && view.getUint16(2) === RESULT_VERSION
      ? "version"
      : undefined;
  }
  if ((view.getUint8(1) & ANSWER) === 0) return undefined;
  if (bytes[3] === RESULT_VERSION) return "version";
  if (bytes[0] !== PCP_VERSION || bytes[1] !== (ANSWER | OP_MAP)) return undefined;
  if (bytes.length < MAP_BYTES) return undefined;
  const protocol = bytes[36];
  if (protocol !== TCP && protocol !== UDP) return undefined;
  const address = bytes.subarray(44, MAP_BYTES);
  // IPv4 addresses come as ::ffff:a.b.c.d, unspecified ones in either form.
  const text = formatIp(address);
  return {
    result: view.getUint8(3),
    lifetime: view.getUint32(4),
    epoch: view.getUint32(8),
    nonce: copyBytes(bytes.subarray(24, 36)),
    protocol: protocol === TCP ? "tcp" : "udp",
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    externalAddress: text === "::" || text === "0.0.0.0" ? undefined : text,
  };
}

const OP_MAP = 1;
const ANSWER = 0x80;
const RESULT_VERSION = 1;
const MAP_BYTES = 60;
/** RFC 6887 §7: no message is larger. */
const MOST_BYTES = 1100;
const TCP = 6;
const UDP = 17;

/** 16 bytes: IPv4 addresses as IPv4-mapped ones (RFC 6887 §5). */
function wide(address: string): Uint8Array {
  const ip = parseIp(address);
  if (ip === undefined) throw new RangeError(`expected an IP address, got '${address}'`);
  if (ip.length === 16) return ip;
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  bytes.set(ip, 12);
  return bytes;
}
