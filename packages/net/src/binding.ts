// What a network may use: which local addresses, and from which of them something is reached.
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { canonicalAddress, ipFamily, isDialable, zoneOf } from "@shoal/core";
import { NetError } from "./error.ts";

/** Where a socket begins. */
export interface LocalAddress {
  readonly address: string;
  readonly family: 4 | 6;
  /** The interface that the socket must be tied to, besides having that address. */
  readonly device?: string;
}

/** The local addresses that may be used; looked up anew at every call, as they come and go. */
export interface Binding {
  /** All of them, which may be none. */
  readonly addresses: () => readonly LocalAddress[];
  /**
   * The one from which `to` is reached.
   *
   * @param to Canonical IP text.
   * @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if none can.
   */
  readonly sourceFor: (to: string) => LocalAddress;
  /**
   * The one that is `address`; for `::` and `0.0.0.0` the first of that family.
   *
   * @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if it is not allowed or not there.
   */
  readonly local: (address: string) => LocalAddress;
}

/** The host's interfaces that are up, by name, as `networkInterfaces` of node:os gives them. */
export type Interfaces = () => NodeJS.Dict<readonly NetworkInterfaceInfo[]>;

/**
 * Allows the given addresses and interfaces, nothing else.
 *
 * @param allowed IP addresses and names of interfaces; those need not exist yet.
 * @param tie Whether sockets at an interface that was named are tied to it.
 * @throws NetError `ERR_NET_INVALID_ADDRESS` if there is none, or an address that no socket can have.
 */
export function bindTo(
  allowed: readonly string[],
  tie: boolean,
  interfaces: Interfaces = networkInterfaces,
): Binding {
  const rules = allowed.map(checkRule);
  if (rules.length === 0) {
    throw new NetError(
      "ERR_NET_INVALID_ADDRESS",
      "expected addresses or interfaces to bind to, got none; leave 'bind' out to use all",
    );
  }
  const present = (): readonly LocalAddress[] => {
    const here = interfaces();
    return rules.flatMap((rule) => {
      if (ipFamily(rule) !== undefined) return isPresent(rule, here) ? [localAddress(rule)] : [];
      return addressesOf(rule, here).map((address) =>
        localAddress(address, tie ? rule : undefined),
      );
    });
  };
  const choose = (wanted: string, fits: (local: LocalAddress) => boolean): LocalAddress => {
    const found = present().find(fits);
    if (found === undefined) throw unavailable(allowed, wanted);
    return found;
  };
  return {
    addresses: present,
    sourceFor: (to) => choose(`a way to ${to}`, ({ address }) => reaches(address, to)),
    local: (at) => {
      const isAny = at === "::" || at === "0.0.0.0";
      const fits = ({ address, family }: LocalAddress): boolean =>
        isAny ? family === ipFamily(at) && zoneOf(address) === undefined : address === at;
      return choose(isAny ? `an IPv${ipFamily(at)} address` : at, fits);
    },
  };
}

function checkRule(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined && /^[^\s/%:]{1,255}$/.test(text)) return text;
  if (address !== undefined && isDialable(address)) return address;
  throw new NetError(
    "ERR_NET_INVALID_ADDRESS",
    `expected an IP address or the name of an interface to bind to, got '${text}'` +
      " (link-local addresses need a zone, as fe80::1%eth0)",
  );
}

function localAddress(address: string, device?: string): LocalAddress {
  const family = ipFamily(address) ?? 4;
  return device === undefined ? { address, family } : { address, family, device };
}

function addressesOf(name: string, here: ReturnType<Interfaces>): string[] {
  return (here[name] ?? []).flatMap(({ address, ...info }) => {
    const zone = process.platform === "win32" && "scopeid" in info ? String(info.scopeid) : name;
    const canonical = canonicalAddress(address);
    if (canonical === undefined) return [];
    return [isDialable(canonical) ? canonical : `${canonical}%${zone}`];
  });
}

/** All of 127.0.0.0/8 is there where loopback is. */
function isPresent(address: string, here: ReturnType<Interfaces>): boolean {
  return Object.keys(here).some((name) =>
    addressesOf(name, here).some(
      (own) => own === address || (own.startsWith("127.") && address.startsWith("127.")),
    ),
  );
}

/** Neither loopback nor link-local addresses lead to anything but their like. */
function reaches(from: string, to: string): boolean {
  const same = ipFamily(from) === ipFamily(to) && zoneOf(from) === zoneOf(to);
  return same && isLoopback(from) === isLoopback(to);
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** The error that something can't be had from what is allowed. @param wanted as “a way to ::1” */
export function unavailable(allowed: readonly string[], wanted: string): NetError {
  return new NetError(
    "ERR_NET_ADDRESS_UNAVAILABLE",
    `${wanted} is not to be had from ${allowed.join(", ")}, to which the network is bound; is it up?`,
  );
}
