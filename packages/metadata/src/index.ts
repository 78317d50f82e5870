/**
 * Metadata exchange (BEP 9): magnet links become torrents.
 *
 * @packageDocumentation
 */
export { MetadataError, type MetadataErrorCode } from "./error.ts";
export { type MetadataOptions, metadataExtension } from "./extension.ts";
