/**
 * HTTP seeds (BEP 19, BEP 17): web servers as sources of payload. Opens no socket and reads no clock:
 * it is given both.
 *
 * @packageDocumentation
 */
export { WebSeedError, type WebSeedErrorCode } from "./error.ts";
export type {
  WebSeedAnswer,
  WebSeedHead,
  WebSeedHost,
  WebSeedHttp,
  WebSeedRequest,
  WebSeedStream,
} from "./host.ts";
export { createWebSeedSource } from "./source.ts";
