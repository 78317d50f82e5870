// Messages of the NAT Port Mapping Protocol (RFC 6886), PCP's ancestor for IPv4 only.
import { formatIp } from "@shoal/core";

/** Result codes (RFC 6886 §3.5) by number, as text for people. */
export const NAT_PMP_RESULTS: readonly string[] = [
  "success",
  "version not supported",
  "not authorized",
  "network failure",
  "no resources",
  "opcode not supported",
];

/** A request to make, renew or delete a mapping. */
export interface NatPmpMapRequest {
  readonly protocol: "tcp" | "udp";
  /** 1–65535. */
  readonly internalPort: number;
  /** Preferred; must be 0 to delete. */
  readonly externalPort: number;
  /** Seconds; 0 deletes. */
  readonly lifetime: number;
}

/** What a gateway answered; `epoch` is in seconds since it lost its state. */
export type NatPmpAnswer =
  | { readonly kind: "failure"; readonly result: number; readonly epoch: number }
  | { readonly kind: "address"; readonly epoch: number; readonly address: string | undefined }
  | {
      readonly kind: "mapping";
      readonly epoch: number;
      readonly protocol: "tcp" | "udp";
      readonly internalPort: number;
      readonly externalPort: number;
      /** Seconds. */
      readonly lifetime: number;
    };

/** Asks for the external address (RFC 6886 §3.2). */
export function encodeNatPmpAddress(): Uint8Array {
  return new Uint8Array(2);
}

/** Writes a mapping request of 12 bytes (RFC 6886 §3.3). */
export function encodeNatPmpMap(request: NatPmpMapRequest): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  bytes[1] = request.protocol === "udp" ? OP_MAP_UDP : OP_MAP_TCP;
  view.setUint16(4, request.internalPort);
  view.setUint16(6, request.externalPort);
  view.setUint32(8, request.lifetime);
  return bytes;
}

/**
 * Reads an answer.
 *
 * @param opcode That of the request: byte 1 of it.
 * @returns undefined for what is no answer to such a request.
 */
export function decodeNatPmp(bytes: Uint8Array, opcode: number): NatPmpAnswer | undefined {
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== (ANSWER | opcode)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = view.getUint16(2);
  const epoch = view.getUint32(4);
  if (result !== 0) return { kind: "failure", result, epoch };
  if (opcode === OP_ADDRESS) {
    if (bytes.length < 12) return undefined;
    const address = formatIp(bytes.subarray(8, 12));
    return { kind: "address", epoch, address: address === "0.0.0.0" ? undefined : address };
  }
  if (bytes.length < 16) return undefined;
  return {
    kind: "mapping",
    epoch,
    protocol: opcode === OP_MAP_UDP ? "udp" : "tcp",
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetime: view.getUint32(12),
  };
}

const OP_ADDRESS = 0;
const OP_MAP_UDP = 1;
const OP_MAP_TCP = 2;
const ANSWER = 0x80;
