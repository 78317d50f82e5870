// The first to look at a datagram: lets answers through to who asked, and queries to the server.
import {
  type Clock,
  copyBytes,
  type Endpoint,
  type Entropy,
  encodeCompact,
  isLocal,
} from "@shoal/core";
import type { DhtCrypto } from "./crypto.ts";
import type { ItemStore } from "./item-store.ts";
import { decodeKrpc, encodeError, KRPC_ERROR, type KrpcQuery } from "./krpc.ts";
import { compareDistance } from "./node-id.ts";
import type { PeerStore } from "./peer-store.ts";
import { Server } from "./server.ts";
import type { Site } from "./site.ts";
import { Tokens } from "./tokens.ts";
import { type Visitor, Visitors } from "./visitors.ts";

/** Counters since the node began. */
export interface Traffic {
  readonly datagramsReceived: number;
  readonly bytesReceived: number;
  readonly datagramsSent: number;
  readonly bytesSent: number;
  /** Queries of others that we answered, with errors too. */
  readonly queriesAnswered: number;
  /** Queries of addresses that ask too often. */
  readonly queriesIgnored: number;
  /** Datagrams that are no message, or answers to nothing that we asked. */
  readonly datagramsDropped: number;
}

/** What it needs. */
export interface ReceptionHost {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly crypto: DhtCrypto;
  readonly sites: readonly Site[];
  readonly peers: PeerStore;
  readonly items: ItemStore;
}

/** How it is set. */
export interface ReceptionSettings {
  readonly queriesPerSecond: number;
  /** BEP 43. */
  readonly readOnly: boolean;
  announced(infoHash: Uint8Array, peer: Endpoint): void;
}

/** The way in of all sites. */
export class Reception {
  readonly #host: ReceptionHost;
  readonly #settings: ReceptionSettings;
  readonly #server: Server;
  readonly #visitors: Visitors;
  readonly #traffic = {
    datagramsReceived: 0,
    bytesReceived: 0,
    datagramsSent: 0,
    bytesSent: 0,
    queriesAnswered: 0,
    queriesIgnored: 0,
    datagramsDropped: 0,
  };

  constructor(host: ReceptionHost, settings: ReceptionSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#visitors = new Visitors(settings.queriesPerSecond);
    const { crypto, entropy, peers, items, clock } = host;
    this.#server = new Server({
      crypto,
      tokens: new Tokens(crypto, entropy, clock.now()),
      peers,
      items,
      closest: (family, target, localId) => this.#closest(family, target, localId),
      proved: ({ from, now }) => this.#visitors.verified(from.address, now),
      announced: (infoHash, peer) => settings.announced(infoHash, peer),
    });
  }

  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** Takes over what the site's socket receives. */
  attend(site: Site): void {
    site.datagrams.attach((bytes, from) => this.#receive(site, bytes, from));
  }

  /** The address has answered a query of ours. */
  verified(address: string): void {
    this.#visitors.verified(address, this.#host.clock.now());
  }

  #receive(site: Site, bytes: Uint8Array, from: Endpoint): void {
    this.#traffic.datagramsReceived++;
    this.#traffic.bytesReceived += bytes.length;
    const message = decodeKrpc(bytes);
    if (message === undefined || from.port === 0) {
      this.#traffic.datagramsDropped++;
      return;
    }
    if (message.kind === "reply" || message.kind === "error") {
      if (!site.receive(message, from)) this.#traffic.datagramsDropped++;
      return;
    }
    if (this.#settings.readOnly) return;
    const now = this.#host.clock.now();
    const visitor = this.#visitors.admit(from.address, now);
    if (visitor === undefined) {
      this.#traffic.queriesIgnored++;
      return;
    }
    if (message.kind === "query")
      this.#answer(site, { query: message, size: bytes.length, from, visitor, now });
    else {
      const text = `malformed: ${message.reason}`;
      this.#send(site, encodeError(message.transaction, KRPC_ERROR.protocol, text), from);
    }
  }

  #answer(site: Site, { query, size, from, visitor, now }: Arrival): void {
    // Our own query come back: a mirror, or somebody who claims to be us.
    if (compareDistance(site.id, query.id, site.id) === 0) {
      this.#traffic.datagramsDropped++;
      return;
    }
    const answer = this.#server.answer({
      query,
      from,
      compact: encodeCompact(from),
      family: site.family,
      localId: site.id,
      budget: this.#visitors.budget(visitor, size, now),
      now,
    });
    this.#visitors.spend(visitor, size, answer.length);
    this.#send(site, answer, from);
    if (query.readOnly) return;
    // In our own network many nodes may share an address, as all on this machine do.
    if (!isLocal(from.address) && !this.#visitors.mayMeet(visitor, now)) return;
    site.meet([{ id: copyBytes(query.id), endpoint: from }]);
  }

  #send(site: Site, bytes: Uint8Array, to: Endpoint): void {
    this.#traffic.queriesAnswered++;
    this.#traffic.datagramsSent++;
    this.#traffic.bytesSent += bytes.length;
    site.datagrams.send(bytes, to);
  }

  #closest(family: 4 | 6, target: Uint8Array, localId: Uint8Array): Uint8Array | undefined {
    let site: Site | undefined;
    for (const other of this.#host.sites) {
      if (other.family === family && (site === undefined || other.id === localId)) site = other;
    }
    if (site === undefined) return undefined;
    return site.table.closestList(target);
  }
}

/** A query that is to be answered. */
interface Arrival {
  readonly query: KrpcQuery;
  /** Bytes of its datagram. */
  readonly size: number;
  readonly from: Endpoint;
  readonly visitor: Visitor;
  readonly now: number;
}
