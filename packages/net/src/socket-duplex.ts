// A TCP socket as a Duplex: batches as vectored writes, nothing read before there is an owner.

import type { Socket } from "node:net";
import type { Duplex, DuplexHandler, Endpoint } from "@shoal/core";
import { netError } from "./error.ts";

/** How long the remote may take to end its side, in ms, after which the socket is cut. */
const END_TIMEOUT_MS = 3000;

/** Wraps a connected socket that is paused; see STATE.md. */
export class SocketDuplex implements Duplex {
  readonly kind = "tcp";
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #socket: Socket;
  #handler: DuplexHandler | undefined;
  #paused = false;
  #ending: NodeJS.Timeout | undefined;
  #isClosed = false;
  #error: Error | undefined;
  #flushed = 0;

  constructor(socket: Socket, remote: Endpoint, local: Endpoint) {
    this.#socket = socket;
    this.remote = remote;
    this.local = local;
    socket.on("error", (error) => {
      this.#error ??= netError(error, "the connection");
    });
    // The remote ended its side: Node ends ours, and must not wait for ever to send the rest.
    socket.once("end", () => this.#cutSoon());
    socket.once("close", () => this.#close());
  }

  attach(handler: DuplexHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (!first) return;
    if (this.#isClosed) setImmediate(() => this.#handler?.closed(this.#error));
    else if (!this.#paused) this.#socket.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (!socket.writable || chunks.length === 0) return;
    let bytes = 0;
    socket.cork();
    const last = chunks.length - 1;
    for (let i = 0; i < last; i++) {
      const chunk = chunks[i] as Uint8Array;
      bytes += chunk.length;
      socket.write(chunk);
    }
    const chunk = chunks[last] as Uint8Array;
    bytes += chunk.length;
    socket.write(chunk, (error) => {
      if (error == null) this.#flush(bytes);
    });
    socket.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler !== undefined) this.#socket.resume();
  }

  end(): void {
    if (this.#isClosed) return;
    this.#socket.end();
    this.#cutSoon();
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  /** What was read: for the socket's `onread` sink. */
  receive(chunk: Uint8Array): void {
    if (!this.#socket.destroyed) this.#handler?.received(chunk);
  }

  #flush(bytes: number): void {
    this.#flushed += bytes;
    if (!this.#isClosed) this.#handler?.flushed(this.#flushed);
  }

  #cutSoon(): void {
    this.#ending ??= setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS);
  }

  #close(): void {
    this.#isClosed = true;
    clearTimeout(this.#ending);
    this.#handler?.closed(this.#error);
  }
}
