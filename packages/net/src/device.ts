// Sockets that are tied to one interface (SO_BINDTODEVICE), for Linux through koffi.
//
// The address that a socket is bound to does not decide which way its packets go: Linux looks at the
// routes only. Tied to its interface it can't send by another, whatever routes say or become.
import { createRequire } from "node:module";
import { constants } from "node:os";
import { type Endpoint, ipFamily, parseIp } from "@shoal/core";
import { NetError, netError } from "./error.ts";

/** Makes sockets that are tied to an interface, as file descriptors, which the caller owns. */
export interface DeviceSockets {
  /**
   * A stream socket that is not bound yet.
   *
   * @throws NetError
   */
  stream(family: 4 | 6, device: string): number;
  /**
   * A socket bound to an address, of IPv6 alone if it is of IPv6.
   *
   * @throws NetError
   */
  bound(kind: "stream" | "datagram", at: Endpoint, device: string): number;
}

/** @throws NetError `ERR_NET_NO_KOFFI` where the optional package koffi is not there or doesn't work. */
export function deviceSockets(): DeviceSockets {
  loaded ??= load();
  return loaded;
}

let loaded: DeviceSockets | undefined;

type Call<Args extends unknown[]> = (...args: Args) => number;

function load(): DeviceSockets {
  const { calls, errno } = libc();
  /** What a call returned. @throws NetError if it failed. */
  const check = (result: number, attempt: string): number => {
    if (result >= 0) return result;
    const number = errno();
    const [code = `errno ${number}`] =
      Object.entries(constants.errno).find(([, value]) => value === number) ?? [];
    throw netError(Object.assign(new Error(code), { code }), attempt);
  };
  const set = (fd: number, level: number, name: number, value: string, attempt: string): void => {
    const bytes = Buffer.from(value);
    check(calls.setsockopt(fd, level, name, bytes, bytes.length), attempt);
  };
  const closingOnFailure = (fd: number, use: () => void): number => {
    try {
      use();
      return fd;
    } catch (error) {
      calls.close(fd);
      throw error;
    }
  };
  const open = (kind: number, family: 4 | 6, device: string): number => {
    const attempt = `making a socket for interface ${device}`;
    const fd = check(calls.socket(FAMILIES[family], kind | NONBLOCK | CLOEXEC, 0), attempt);
    return closingOnFailure(fd, () => set(fd, SOL_SOCKET, BINDTODEVICE, `${device}\0`, attempt));
  };
  return {
    stream: (family, device) => open(STREAM, family, device),
    bound: (kind, at, device) => {
      const family = ipFamily(at.address) ?? 4;
      const fd = open(kind === "stream" ? STREAM : DATAGRAM, family, device);
      const attempt = `binding ${at.address} on interface ${device}`;
      return closingOnFailure(fd, () => {
        if (kind === "stream") set(fd, SOL_SOCKET, REUSEADDR, ONE, attempt);
        if (family === 6) set(fd, IPPROTO_IPV6, V6ONLY, ONE, attempt);
        const name = socketName(at);
        check(calls.bind(fd, name, name.length), attempt);
      });
    },
  };
}

function libc(): {
  calls: {
    socket: Call<[number, number, number]>;
    setsockopt: Call<[number, number, number, Uint8Array, number]>;
    bind: Call<[number, Uint8Array, number]>;
    close: Call<[number]>;
  };
  errno: () => number;
} {
  try {
    // Whoever binds to no interface does not load it.
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const lib = koffi.load(null);
    return {
      calls: {
        socket: lib.func("int socket(int domain, int type, int protocol)"),
        setsockopt: lib.func(
          "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
        ),
        bind: lib.func("int bind(int fd, const void *address, uint32_t length)"),
        close: lib.func("int close(int fd)"),
      },
      errno: () => koffi.errno(),
    };
  } catch (cause) {
    throw new NetError(
      "ERR_NET_NO_KOFFI",
      "binding to an interface by its name needs the optional package 'koffi', which is not there or" +
        " doesn't work: install it, or name the interface's addresses and see to the routes yourself",
      { cause },
    );
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`; the interface makes a zone needless. */
function socketName({ address, port }: Endpoint): Uint8Array {
  const ip = parseIp(address) ?? new Uint8Array(4);
  const name = new Uint8Array(ip.length === 4 ? 16 : 28);
  new Uint16Array(name.buffer, 0, 1)[0] = FAMILIES[ip.length === 4 ? 4 : 6];
  name.set([port >> 8, port & 0xff], 2);
  name.set(ip, ip.length === 4 ? 4 : 8);
  return name;
}

// Linux, on all architectures that Node runs on.
const FAMILIES = { 4: 2, 6: 10 } as const;
const STREAM = 1;
const DATAGRAM = 2;
const NONBLOCK = 0o4000;
const CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const REUSEADDR = 2;
const BINDTODEVICE = 25;
const IPPROTO_IPV6 = 41;
const V6ONLY = 26;
/** An int of 1 in either byte order: it need only not be 0. */
const ONE = "\x01\x01\x01\x01";
