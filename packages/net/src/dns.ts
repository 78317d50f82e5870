// Names to addresses, as the system resolves them.

import { lookup } from "node:dns/promises";
import { canonicalAddress, ipFamily, normalizeIp } from "@shoal/core";
import { NetError, netError } from "./error.ts";

/** Settings of {@link resolve}. */
export interface ResolveOptions {
  readonly signal?: AbortSignal;
  /** Only addresses of that family. */
  readonly family?: 4 | 6;
}

/**
 * Every address of a host, in the system's order of preference.
 *
 * @param host A name or an IP address, also one in brackets as URLs write it; addresses come back
 *   as they are, in canonical text.
 * @throws NetError `ERR_NET_DNS` if there is none; the signal's reason.
 */
export function resolve(host: string, options: ResolveOptions = {}): Promise<string[]> {
  return resolveBy(lookUp, host, options);
}

/** As {@link resolve}. @param lookUp Finds the addresses of a name. */
export async function resolveBy(
  lookUp: (name: string, signal: AbortSignal | undefined) => Promise<string[]>,
  host: string,
  { signal, family }: ResolveOptions,
): Promise<string[]> {
  signal?.throwIfAborted();
  const literal = canonicalAddress(host.replace(/^\[(.*)\]$/, "$1"));
  const found = literal === undefined ? await lookUp(host, signal) : [literal];
  const wanted = found.filter((address) => family === undefined || ipFamily(address) === family);
  if (wanted.length > 0) return wanted;
  throw new NetError("ERR_NET_DNS", `resolving '${host}' gave no IPv${family ?? ""} address`);
}

async function lookUp(host: string, signal: AbortSignal | undefined): Promise<string[]> {
  let abort: (() => void) | undefined;
  try {
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
    });
    // The system's resolver can't be stopped; it is left to end by itself.
    const found = await Promise.race([lookup(host, { all: true }), aborted]);
    return [...new Set(found.map(({ address }) => normalizeIp(address) ?? address))];
  } catch (error) {
    if (signal?.aborted) throw error;
    throw netError(error, `resolving '${host}'`);
  } finally {
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}
