/**
 * The BitTorrent peer wire protocol without I/O: handshake, messages, the Fast extension and the
 * extension protocol.
 *
 * @packageDocumentation
 */
export { WireError, type WireErrorCode } from "./error.ts";
export type { ExtendedHandshake, OwnHandshake } from "./extended-handshake.ts";
export type {
  ExtensionPeer,
  ExtensionTorrent,
  FoundPeer,
  PeerExtension,
  SwarmPeer,
  TorrentExtension,
  WireExtension,
} from "./extension.ts";
export type { ExtensionHost } from "./extension-channel.ts";
export {
  type AttachedExtension,
  ExtensionSession,
  type ExtensionSessionHost,
} from "./extension-session.ts";
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
export { identifyClient, makePeerId } from "./peer-id.ts";
