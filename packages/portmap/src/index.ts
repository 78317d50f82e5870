/**
 * Port mapping by PCP, NAT-PMP and UPnP: leases are renewed, given back, and never a worry.
 *
 * @packageDocumentation
 */
export { PortMapError, type PortMapErrorCode } from "./error.ts";
export { defaultGateways } from "./gateways.ts";
export type {
  Gateway,
  Mapping,
  MethodHost,
  PortMapProtocol,
  WantedPort,
} from "./method.ts";
export {
  decodeNatPmp,
  encodeNatPmpAddress,
  encodeNatPmpMap,
  NAT_PMP_RESULTS,
  type NatPmpAnswer,
  type NatPmpMapRequest,
} from "./nat-pmp.ts";
export {
  decodePcpMap,
  encodePcpMap,
  PCP_NONCE_BYTES,
  PCP_PORT,
  PCP_RESULTS,
  PCP_VERSION,
  type PcpMapAnswer,
  type PcpMapRequest,
} from "./pcp.ts";
export { createPortMapper, type PortMapper, type PortMapperOptions } from "./port-mapper.ts";
