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
  readonly #attached: AttachedExtension[] = [];
  readonly #serials: WeakMap<Peer, number> = new WeakMap();
  #nextSerial = 1;

  constructor(host: ExtensionsHost, session: SwarmSession) {
    this.#host = host;
    this.#session = session;
  }

  /** Attaches every extension; there may be no connections yet. */
  open(): void {
    for (const offered of this.#session.extensions) {
      const extension = offered.attach(this.#torrent());
      if (extension !== undefined) this.#attached.push({ name: offered.name, extension });
    }
  }

  /** The extension session of a new connection. */
  attach(peer: Peer): ExtensionSession {
    const serial = this.#nextSerial++;
    this.#serials.set(peer, serial);
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

  /** There may be no connections any more. */
  close(): void {
    for (const { extension } of this.#attached.splice(0)) extension.close?.();
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
        id: this.#serials.get(peer) ?? 0,
        remote: peer.remote,
        dialable: known.endpoint,
        transport: peer.kind,
        outgoing: !peer.incoming,
        encrypted: false,
        uploadOnly: peer.have.isFull || (peer.extensions?.theirs?.uploadOnly ?? false),
        supports: (name) => peer.extensions?.theirs?.messages.has(name) ?? false,
      };
    }
  }
}
