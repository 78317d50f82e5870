// Endpoints as callers give them and as sockets name them.
import { canonicalAddress, type Endpoint, endpoint, isDialable } from "@shoal/core";
import { NetError } from "./error.ts";

/**
 * The endpoint with a canonical address.
 *
 * @param attempt What the endpoint is for, as in “connecting to localhost:6881”.
 * @throws NetError `ERR_NET_INVALID_ADDRESS`: names are for `resolve`.
 */
export function checkEndpoint({ address, port }: Endpoint, attempt: string): Endpoint {
  try {
    return endpoint(address, port);
  } catch (cause) {
    throw new NetError(
      "ERR_NET_INVALID_ADDRESS",
      `${attempt}: expected an IP address (names go through resolve()) and a port of 0–65535`,
      { cause },
    );
  }
}

/**
 * As {@link checkEndpoint}, for an address that somebody can be at: not unspecified, multicast, or
 * link-local without a zone.
 */
export function checkRemote(to: Endpoint, attempt: string): Endpoint {
  const remote = checkEndpoint(to, attempt);
  if (isDialable(remote.address)) return remote;
  throw new NetError(
    "ERR_NET_INVALID_ADDRESS",
    `${attempt}: nobody can be at that address (link-local ones need a zone, as fe80::1%eth0)`,
  );
}

/** What Node calls a socket's end, with canonical text. Link-local addresses have their zone. */
export function socketEndpoint(
  address: string | undefined,
  port: number | undefined,
): Endpoint | undefined {
  const canonical = canonicalAddress(address ?? "");
  return canonical === undefined || port === undefined ? undefined : { address: canonical, port };
}
