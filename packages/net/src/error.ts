// What goes wrong on sockets, with stable codes.
import { asError, errorCode, ShoalError } from "@shoal/core";

/**
 * An error of the network. Codes:
 * - `ERR_NET_REFUSED`, `ERR_NET_RESET`, `ERR_NET_UNREACHABLE`, `ERR_NET_TIMEOUT`: the remote or the
 *   way to it.
 * - `ERR_NET_ADDRESS_IN_USE`, `ERR_NET_ADDRESS_UNAVAILABLE`, `ERR_NET_ACCESS_DENIED`: a local
 *   address can't be bound.
 * - `ERR_NET_NO_KOFFI`: an interface can't be bound to for want of the package koffi.
 * - `ERR_NET_INVALID_ADDRESS`, `ERR_NET_INVALID_URL`, `ERR_NET_INVALID_HEADER`: what was asked for
 *   makes no sense; nothing was sent.
 * - `ERR_NET_DNS`: the name has no address.
 * - `ERR_NET_TOO_LARGE`, `ERR_NET_BAD_RESPONSE`, `ERR_NET_REDIRECT`: an HTTP answer was given up.
 * - `ERR_NET_CLOSED`: the client was closed.
 * - `ERR_NET_FAILED`: anything else; see `cause`.
 */
export class NetError extends ShoalError {
  override readonly name: string = "NetError";
}

/**
 * Names what a system call's failure means.
 *
 * @param attempt What was tried, as in “connecting to 192.0.2.1:6881”.
 */
export function netError(thrown: unknown, attempt: string): NetError {
  if (thrown instanceof NetError) return thrown;
  const cause = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const known = MEANINGS.get(errorCode(cause));
  const message = known?.[1] ?? asError(cause).message;
  return new NetError(known?.[0] ?? "ERR_NET_FAILED", `${attempt} failed: ${message}`, {
    cause: thrown,
  });
}

const UNREACHABLE = "there is no way to that address from here; is the network up?";
const RESET = "the remote broke the connection off";
const TIMEOUT = "no answer came in time";
const NO_NAME = "the name has no address; is it spelled right?";

const MEANINGS: ReadonlyMap<string, readonly [code: string, message: string]> = new Map([
  ["ECONNREFUSED", ["ERR_NET_REFUSED", "nobody listens there"]],
  ["ECONNRESET", ["ERR_NET_RESET", RESET]],
  ["EPIPE", ["ERR_NET_RESET", RESET]],
  ["UND_ERR_SOCKET", ["ERR_NET_RESET", RESET]],
  ["ETIMEDOUT", ["ERR_NET_TIMEOUT", TIMEOUT]],
  ["UND_ERR_CONNECT_TIMEOUT", ["ERR_NET_TIMEOUT", TIMEOUT]],
  ["ENODEV", ["ERR_NET_ADDRESS_UNAVAILABLE", "this machine has no such interface"]],
  ["ENETDOWN", ["ERR_NET_UNREACHABLE", "the interface is down"]],
  ["EHOSTUNREACH", ["ERR_NET_UNREACHABLE", UNREACHABLE]],
  ["ENETUNREACH", ["ERR_NET_UNREACHABLE", UNREACHABLE]],
  ["ENOTFOUND", ["ERR_NET_DNS", NO_NAME]],
  ["EAI_AGAIN", ["ERR_NET_DNS", "name resolution does not answer; is the network up?"]],
  [
    "EADDRINUSE",
    [
      "ERR_NET_ADDRESS_IN_USE",
      "another program has that port; stop it, choose another port, or 0 for any free one",
    ],
  ],
  [
    "EADDRNOTAVAIL",
    ["ERR_NET_ADDRESS_UNAVAILABLE", "this machine has no such address; choose one that it has"],
  ],
  [
    "EAFNOSUPPORT",
    ["ERR_NET_ADDRESS_UNAVAILABLE", "this machine does not speak that address family"],
  ],
  ["EINVAL", ["ERR_NET_ADDRESS_UNAVAILABLE", "that address does not fit the local one"]],
  [
    "EACCES",
    ["ERR_NET_ACCESS_DENIED", "the system does not allow it; ports below 1024 need privileges"],
  ],
  ["UND_ERR_HEADERS_OVERFLOW", ["ERR_NET_TOO_LARGE", "the answer's header fields are too large"]],
]);
