// The sockets of local discovery: opened when first needed, gone with their owner.
import { asError, type Endpoint } from "@shoal/core";
import type { LsdHost, LsdSocket } from "./host.ts";

/** What {@link Sockets} tells its owner. */
export interface SocketsHandler {
  /** There are sockets now. */
  opened(): void;
  /** There are none, for a reason or because there is no network: it may be tried again. */
  failed(error: Error | undefined): void;
  received(bytes: Uint8Array, from: Endpoint, socket: LsdSocket): void;
}

/** One socket for each group and interface, or none yet. */
export class Sockets {
  readonly #host: LsdHost;
  readonly #handler: SocketsHandler;
  #open: readonly LsdSocket[] = [];
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(host: LsdHost, handler: SocketsHandler) {
    this.#host = host;
    this.#handler = handler;
  }

  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  /** Opens them, unless they are open or on the way. */
  ensure(): void {
    if (this.#closed || this.isOpen) return;
    this.#opening ??= this.#start().finally(() => {
      this.#opening = undefined;
    });
  }

  /** Sends on each what `encode` makes for its group. */
  send(encode: (group: Endpoint) => Uint8Array): void {
    for (const { group, datagrams } of this.#open) datagrams.send(encode(group), group);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await Promise.all(this.#open.map(({ datagrams }) => datagrams.close()));
  }

  /** Never rejects. */
  async #start(): Promise<void> {
    try {
      this.#open = await this.#host.open();
    } catch (error) {
      if (!this.#closed) this.#handler.failed(asError(error));
      return;
    }
    if (this.#closed) return;
    for (const socket of this.#open) {
      socket.datagrams.attach((bytes, from) => {
        if (!this.#closed) this.#handler.received(bytes, from, socket);
      });
    }
    if (this.isOpen) this.#handler.opened();
    else this.#handler.failed(undefined);
  }
}
