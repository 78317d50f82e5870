// The receive path: sockets that read into one reused buffer, for outgoing and accepted ones.
//
// Node documents `onread` for sockets that one makes oneself. A server makes its own, so an accepted
// socket's handle is moved to a new one: that is not documented, works on Node 20 to 26, and is the
// reason for this file. Where it does not work, 'data' events do, at twice the CPU time.
import { type OnReadOpts, Socket } from "node:net";

/** Takes what was read; the bytes are valid during the call only. */
export type Sink = (chunk: Uint8Array) => void;

/**
 * A socket that is not connected yet, does not read before `resume()`, and then reads through `buffer`.
 *
 * @param fd A socket of the system's to use instead of a new one.
 */
export function openSocket(buffer: Buffer, sink: Sink, fd?: number): Socket {
  const socket =
    fd === undefined
      ? new Socket({ onread: readInto(buffer, sink) })
      : wrapSocket(fd, readInto(buffer, sink));
  socket.pause();
  return socket;
}

/**
 * A socket around one of the system's, to be connected.
 *
 * Node would read from it at once, which fails before it is connected. The option against that is not
 * documented; without it no connection comes about.
 */
export function wrapSocket(fd: number, onread?: OnReadOpts): Socket {
  const options: object = { fd, readable: true, writable: true, pauseOnCreate: true, onread };
  return new Socket(options);
}

/**
 * Turns a socket that a server accepted with `pauseOnConnect` into one that reads through `buffer`
 * once it is resumed. The socket given is used up.
 */
export function adoptSocket(accepted: Socket, buffer: Buffer, sink: Sink): Socket {
  const owner = accepted as { _handle?: unknown };
  const handle = owner._handle;
  if (!isHandle(handle)) {
    accepted.on("data", sink);
    accepted.pause();
    return accepted;
  }
  owner._handle = null;
  accepted.destroy();
  // The types know only the documented kind of handle.
  const options: object = { handle, onread: readInto(buffer, sink) };
  const socket = new Socket(options);
  socket.pause();
  return socket;
}

/** One buffer can serve any number of sockets: it is read into and handed on in one go. */
function readInto(
  buffer: Buffer,
  sink: Sink,
): { buffer: Buffer; callback: (length: number) => boolean } {
  return {
    buffer,
    callback: (length) => {
      sink(buffer.subarray(0, length));
      return true;
    },
  };
}

function isHandle(handle: unknown): handle is object {
  return (
    typeof handle === "object" &&
    handle !== null &&
    "useUserBuffer" in handle &&
    typeof handle.useUserBuffer === "function"
  );
}
