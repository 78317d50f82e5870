// One extension on one connection: its way to the peer, and the fence that keeps its errors in.
import { asError, type Endpoint } from "@shoal/core";
import type { ExtensionPeer, PeerExtension, TorrentExtension } from "./extension.ts";

/** The connection that extensions work on. */
export interface ExtensionHost {
  /** Unique among the connections that the torrent ever has. */
  readonly id: number;
  readonly remote: Endpoint;
  /** Bytes that wait to be sent. */
  readonly backlog: number;
  /** Sends an `extended` message. @param payload may be changed after the call. */
  send(id: number, payload: Uint8Array): void;
  /** The other side has this piece no more (BEP 54). Any number: check it. */
  dontHave(piece: number): void;
  /** Close the connection: an extension demands it. */
  disconnect(reason: Error): void;
  /** An extension threw and is out of use on this connection. */
  disabled?(name: string, error: Error): void;
}

/** What a channel needs of its session. */
export interface ExtensionLink {
  /** The id that the other side gave to the extension, if it has it. */
  idOf(name: string): number | undefined;
  /** Sends our handshake again. */
  refresh(): void;
}

/** An extension's end of a connection. What the extension throws goes no further than this. */
export class ExtensionChannel implements ExtensionPeer {
  readonly name: string;
  readonly #host: ExtensionHost;
  readonly #link: ExtensionLink;
  #extension: PeerExtension | undefined;
  #live = true;

  constructor(name: string, host: ExtensionHost, link: ExtensionLink) {
    this.name = name;
    this.#host = host;
    this.#link = link;
  }

  /** Whether the extension is in use: it has not thrown, and the connection is not over. */
  get live(): boolean {
    return this.#live;
  }

  get id(): number {
    return this.#host.id;
  }

  get remote(): Endpoint {
    return this.#host.remote;
  }

  get backlog(): number {
    return this.#host.backlog;
  }

  get supported(): boolean {
    return this.#live && this.#link.idOf(this.name) !== undefined;
  }

  send(payload: Uint8Array): void {
    const id = this.#link.idOf(this.name);
    if (this.#live && id !== undefined) this.#host.send(id, payload);
  }

  refreshHandshake(): void {
    if (this.#live) this.#link.refresh();
  }

  dontHave(piece: number): void {
    if (this.#live) this.#host.dontHave(piece);
  }

  disconnect(reason: Error): void {
    if (this.#live) this.#host.disconnect(reason);
  }

  /** Lets the extension join the connection. */
  attach(extension: TorrentExtension): void {
    try {
      this.#extension = extension.attachPeer(this);
    } catch (error) {
      this.#disable(error);
    }
  }

  /** Calls the extension if it is in use, and disables it if that throws. */
  run(action: (extension: PeerExtension) => void): void {
    if (this.#extension === undefined) return;
    try {
      action(this.#extension);
    } catch (error) {
      this.#disable(error);
    }
  }

  /** Takes the extension out of use. */
  end(): void {
    const extension = this.#extension;
    this.#live = false;
    this.#extension = undefined;
    try {
      extension?.close?.();
    } catch (error) {
      this.#host.disabled?.(this.name, asError(error));
    }
  }

  #disable(error: unknown): void {
    // It may have closed the connection before it threw.
    if (!this.#live) return;
    this.end();
    this.#host.disabled?.(this.name, asError(error));
    this.#link.refresh();
  }
}
