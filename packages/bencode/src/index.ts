/**
 * Bencode, the data format of BitTorrent (BEP 3): a strict, bounded codec without recursion, for
 * data that strangers send.
 *
 * @packageDocumentation
 */
export { decode, decodeDict, decodePrefix } from "./decode.ts";
export { BencodeDict, type BencodeValue } from "./dict.ts";
export { type BencodeInput, encode, encodedLength } from "./encode.ts";
export {
  BencodeError,
  type BencodeErrorCode,
  type BencodeFault,
  type BencodeFaultCode,
} from "./error.ts";
export type { DecodeOptions } from "./options.ts";
