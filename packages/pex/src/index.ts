/**
 * Peer exchange (BEP 11) as an extension of the wire protocol: peers tell each other whom they are
 * connected to.
 *
 * @packageDocumentation
 */
export { PexError, type PexErrorCode } from "./error.ts";
export {
  decodePex,
  encodePex,
  type PexContact,
  PexFlag,
  type PexMessage,
} from "./message.ts";
export { type PexOptions, pexExtension } from "./pex.ts";
