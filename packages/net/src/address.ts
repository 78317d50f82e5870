// Endpoints as callers give them and as sockets name them.
import { type Endpoint, endpoint, normalizeIp } from "@shoal/core";
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

/** What Node calls a socket's end, with canonical text and without a link-local zone (`%eth0`). */
export function socketEndpoint(
  address: string | undefined,
  port: number | undefined,
): Endpoint | undefined {
  const canonical = normalizeIp(address?.replace(/%.*$/, "") ?? "");
  return canonical === undefined || port === undefined ? undefined : { address: canonical, port };
}
