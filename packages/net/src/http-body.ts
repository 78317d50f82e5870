// Reads a response's body, bounded before and after decoding.

import { promisify } from "node:util";
import { gunzip, inflate, inflateRaw } from "node:zlib";
import { errorCode } from "@shoal/core";
import type { Dispatcher } from "undici";
import { NetError, netError } from "./error.ts";

/**
 * The whole body, decoded.
 *
 * @throws NetError `ERR_NET_TOO_LARGE` as soon as it has over `maxBytes`, `ERR_NET_BAD_RESPONSE`
 *   when it can't be decoded.
 */
export async function readBody(
  response: Dispatcher.ResponseData,
  maxBytes: number,
  url: string,
): Promise<Uint8Array> {
  const { body, headers } = response;
  try {
    // Leaving the loop early destroys the body, and with it the connection.
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes || Number(headers["content-length"]) > maxBytes) {
        throw tooLarge(url, maxBytes);
      }
      chunks.push(chunk);
    }
    return await decode(Buffer.concat(chunks), headers["content-encoding"], maxBytes, url);
  } catch (error) {
    throw netError(error, `reading ${url}`);
  }
}

async function decode(
  bytes: Uint8Array,
  encoding: string | string[] | undefined,
  maxBytes: number,
  url: string,
): Promise<Uint8Array> {
  const coding = String(encoding ?? "identity")
    .trim()
    .toLowerCase();
  if (coding === "identity" || coding === "" || bytes.length === 0) return bytes;
  const decoder = decoderOf(coding, bytes);
  if (decoder === undefined) {
    throw new NetError("ERR_NET_BAD_RESPONSE", `${url} came in unknown encoding '${coding}'`);
  }
  try {
    return await decoder(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (errorCode(error) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(url, maxBytes);
    throw new NetError("ERR_NET_BAD_RESPONSE", `${url} came in damaged ${coding}`, {
      cause: error,
    });
  }
}

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

function decoderOf(coding: string, bytes: Uint8Array): Decoder | undefined {
  if (coding === "gzip" || coding === "x-gzip")
    return promisify<Uint8Array, object, Buffer>(gunzip);
  if (coding !== "deflate") return undefined;
  // RFC 9110 means zlib's format; some servers send the bare stream. Zlib's first byte ends in 8.
  const bare = ((bytes[0] ?? 0) & 0x0f) !== 8;
  return promisify<Uint8Array, object, Buffer>(bare ? inflateRaw : inflate);
}

function tooLarge(url: string, maxBytes: number): NetError {
  return new NetError("ERR_NET_TOO_LARGE", `${url} sent over ${maxBytes} bytes; given up`);
}
