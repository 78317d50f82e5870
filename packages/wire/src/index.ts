/**
 * The BitTorrent peer wire protocol without I/O: handshake, messages, the Fast extension and the
 * extension protocol.
 *
 * @packageDocumentation
 */
export { WireError, type WireErrorCode } from "./error.ts";
export { allowedFastSet } from "./fast.ts";
export {
  encodeHandshake,
  HANDSHAKE_LENGTH,
  type Handshake,
  HandshakeDecoder,
  type HandshakeFeatures,
} from "./handshake.ts";
export type { WireLimits } from "./limits.ts";
export { MessageDecoder } from "./message-decoder.ts";
export { MessageEncoder } from "./message-encoder.ts";
export { type HashRange, type MessageHandler, MessageId } from "./messages.ts";
