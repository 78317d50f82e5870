// The extension protocol's side of a torrent: what extensions see of it, and sessions for its peers.
import { type Endpoint, parseIp } from "@shoal/core";
import { type Peer, REQUEST_QUEUE_LIMIT } from "@shoal/peer";
import {
  type AttachedExtension,
  type ExtendedHandshake,
  ExtensionSession,
  type ExtensionTorrent,
  type SwarmPeer,
} from "@shoal/wire";
import type { Connection } from "./connection.ts";
import type { SwarmSession } from "./host.ts";

/** What the extensions need of the torrent. */
export interface ExtensionsHost {
  readonly infoHash: Uint8Array;
  /** Undefined while it is not known. */
  readonly infoBytes: Uint8Array | undefined;
  readonly isPrivate: boolean;
  /** Every wanted piece is there (BEP 21 `upload_only`). */
  readonly isFinished: boolean;
  connections(): Iterable<Connection>;
  found(peers: Iterable<Endpoint>): void;
  /** A peer told its listening port. */
  learned(peer: Peer, theirs: ExtendedHandshake): void;
  /** An info dictionary came from peers. @returns whether it is the torrent's. */
  metadataArrived(infoBytes: Uint8Array): boolean;
  warn(error: Error): void;
}

/** The extensions of one torrent. */
export class Extensions {
  readonly #host: ExtensionsHost;
  readonly #session: SwarmSession;
  /** From the first connection on. */
  #attached: readonly AttachedExtension[] | undefined;
  #serials: WeakMap<Peer, number> | undefined;
  #nextSerial = 1;

  constructor(host: ExtensionsHost, session: SwarmSession) {
    this.#host = host;
    this.#session = session;
  }

  /** The extension session of a new connection. */
  attach(peer: Peer): ExtensionSession {
    const serial = this.#nextSerial++;
    this.#serials ??= new WeakMap();
    this.#serials.set(peer, serial);
    this.#attached ??= this.#attachAll();
    return new ExtensionSession(
      {
        id: serial,
        remote: peer.remote,
        get backlog() {
          return peer.backlog;
        },
        send: (id, payload) => peer.sendExtended(id, payload),
        dontHave: (piece) => peer.lost(piece),
        disconnect: (reason) => peer.close(reason),
        disabled: (_name, error) => this.#host.warn(error),
        handshake: (theirs) => this.#host.learned(peer, theirs),
      },
      {
        client: this.#session.clientName,
        listenPort: peer.incoming ? undefined : this.#session.listenPort() || undefined,
        requestQueue: REQUEST_QUEUE_LIMIT,
        uploadOnly: this.#host.isFinished,
        yourIp: parseIp(peer.remote.address),
      },
      this.#attached,
    );
  }

  /** The download is complete, or no longer (BEP 21). */
  update(): void {
    for (const { peer } of this.#host.connections()) {
      peer.extensions?.update({ uploadOnly: this.#host.isFinished });
    }
  }

  /** Lets go of all extensions; the next connection finds new ones. There may be none now. */
  close(): void {
    for (const { extension } of this.#attached ?? []) extension.close?.();
    this.#attached = undefined;
  }

  #attachAll(): AttachedExtension[] {
    const torrent = this.#torrent();
    return this.#session.extensions.flatMap((offered) => {
      const extension = offered.attach(torrent);
      return extension === undefined ? [] : [{ name: offered.name, extension }];
    });
  }

  #torrent(): ExtensionTorrent {
    const host = this.#host;
    const session = this.#session;
    return {
      infoHash: host.infoHash,
      get isPrivate() {
        return host.isPrivate;
      },
      rng: session.rng,
      now: () => session.clock.now(),
      alarm: (ring) => session.deadlines.alarm(ring),
      peers: () => this.#peers(),
      addPeers: (found) => host.found(found),
      // Without uTP a hole can't be punched: dialling is all that can be done.
      punch: (to) => host.found([to]),
      metadata: () => host.infoBytes,
      metadataArrived: (infoBytes) => host.metadataArrived(infoBytes),
    };
  }

  *#peers(): Generator<SwarmPeer> {
    for (const { peer, known } of this.#host.connections()) {
      yield {
        id: this.#serials?.get(peer) ?? 0,
        remote: peer.remote,
        dialable: known.connectable ? known.endpoint : undefined,
        transport: peer.kind,
        outgoing: !peer.incoming,
        encrypted: false,
        uploadOnly: peer.have.isFull || (peer.extensions?.theirs?.uploadOnly ?? false),
        supports: (name) => peer.extensions?.theirs?.messages.has(name) ?? false,
      };
    }
  }
}
