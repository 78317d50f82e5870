// One socket of ours in the DHT of its family: an id, a table, and the upkeep of both.
import {
  type Alarm,
  type Clock,
  copyBytes,
  type Datagrams,
  type Deadlines,
  type Endpoint,
  type Entropy,
  endpointFamily,
  type Rng,
  randomInt,
} from "@shoal/core";
import { type Contact, decodeContacts, isCredible } from "./contact.ts";
import { ExternalAddress } from "./external-address.ts";
import type { KrpcError, KrpcReply, KrpcValues } from "./krpc.ts";
import { Lookup, type LookupResult, type LookupStyle } from "./lookup.ts";
import { compareDistance, divergeAt, ID_LENGTH } from "./node-id.ts";
import { type IdPolicy, K, RoutingTable } from "./routing-table.ts";
import { type CallHandler, Rpc } from "./rpc.ts";
import { isSecureId, secureId } from "./secure-id.ts";

/** How often one node of the table is looked after, in ms. */
const TICK_MS = 5000;
/** A node that was not asked for so long is asked, in ms. */
const STALE_MS = 5 * 60_000;
/** Our own neighbourhood is looked up that often, in ms; more often while the table is poor. */
const SELF_LOOKUP_MS = 15 * 60_000;
const FIRST_RETRY_MS = 5000;
/** Nodes that a table should have at least. */
const POOR_SIZE = 2 * K;
/** Newcomers asked at a time whether they are there. */
const MAX_PROBES = 16;
const MAX_RUMOURS = 256;
/** Lookups at a time; others wait for their turn. */
const MAX_LOOKUPS = 16;
/** Where to begin is asked as well while we know fewer nodes than this. */
const FEW_NODES = 3;

/** What a site is told. */
export interface SiteSettings {
  readonly style: LookupStyle;
  readonly idPolicy: IdPolicy;
  /** More than eight nodes in the farthest buckets. */
  readonly isExtended: boolean;
  /** BEP 43. */
  readonly readOnly: boolean;
}

/** What a site needs. */
export interface SiteHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  readonly entropy: Entropy;
  /** Nodes of another family than the site's were named in passing. */
  others(contacts: readonly Contact[], family: 4 | 6): void;
  /** Whether nodes of the other family are needed too (BEP 32). */
  wantsBoth(): boolean;
  /** An address has answered us. */
  verified(address: string): void;
  /** The site learned its external address, and its id may have changed by it. */
  moved(site: Site): void;
}

/** A lookup to be run by {@link Site.lookup}. */
export interface SiteLookup {
  readonly target: Uint8Array;
  readonly method: string;
  readonly args: KrpcValues;
  answered?(contact: Contact, reply: KrpcReply): void;
  /** Called once unless stopped. */
  finished(result: LookupResult): void;
}

/** A part in one DHT. Several sites of a family are several addresses of one host (BEP 45). */
export class Site {
  readonly family: 4 | 6;
  readonly datagrams: Datagrams;
  readonly #host: SiteHost;
  readonly #settings: SiteSettings;
  readonly #rpc: Rpc;
  readonly #upkeep: Alarm;
  readonly #external: ExternalAddress;
  /** Where to begin. */
  readonly #doors: Endpoint[] = [];
  /** Nodes that may be there: starting points until the table has better ones. */
  #rumours: readonly Contact[] = [];
  readonly #waiting = new Set<() => void>();
  #table: RoutingTable;
  #lookups = 0;
  #probes = 0;
  #selfLookupAt = 0;
  #retryMs = FIRST_RETRY_MS;

  constructor(host: SiteHost, settings: SiteSettings, datagrams: Datagrams, id?: Uint8Array) {
    this.#host = host;
    this.#settings = settings;
    this.datagrams = datagrams;
    this.family = endpointFamily(datagrams.local);
    this.#external = new ExternalAddress(this.family);
    const localId = id ?? secureId(datagrams.local.address, host.rng);
    this.#table = new RoutingTable(localId, settings.idPolicy, settings.isExtended);
    this.#rpc = new Rpc({
      entropy: host.entropy,
      alarm: (ring) => host.deadlines.alarm(ring),
      send: (bytes, to) => datagrams.send(bytes, to),
    });
    this.#upkeep = host.deadlines.alarm((now) => this.#keepUp(now));
  }

  get id(): Uint8Array {
    return this.#table.localId;
  }

  get table(): RoutingTable {
    return this.#table;
  }

  /** Queries under way. */
  get pending(): number {
    return this.#rpc.pending;
  }

  /** Under which address the world sees this socket, once enough have told. */
  get externalAddress(): string | undefined {
    return this.#external.elected;
  }

  /** Begins to look after itself. */
  open(): void {
    this.#upkeep.set(this.#host.clock.now());
  }

  /** Where to begin when there are too few nodes. */
  addDoors(endpoints: readonly Endpoint[]): void {
    this.#doors.push(...endpoints.filter((to) => endpointFamily(to) === this.family));
    this.#selfLookupAt = 0;
    if (this.#upkeep.isSet) this.#upkeep.set(this.#host.clock.now());
  }

  /** Tells of nodes that were there in an earlier life, or that somebody swears by. */
  addRumours(contacts: readonly Contact[]): void {
    const ours = contacts.filter(({ endpoint }) => endpointFamily(endpoint) === this.family);
    this.#rumours = [...ours, ...this.#rumours].slice(0, MAX_RUMOURS);
    this.meet(ours, MAX_RUMOURS);
  }

  /** Asks nodes that we have heard of whether they are there, so that they may enter the table. */
  meet(contacts: readonly Contact[], most: number = MAX_PROBES): void {
    for (const contact of contacts) {
      if (this.#probes >= most) return;
      if (endpointFamily(contact.endpoint) !== this.family || !this.#table.wants(contact)) continue;
      const end = (): void => {
        this.#probes--;
      };
      const sent = this.ask(contact, "ping", {}, { replied: end, refused: end, failed: end });
      if (sent) this.#probes++;
    }
  }

  /**
   * Sends a query; what comes of it is noted in the table too. An endpoint without an id is asked
   * who it is.
   *
   * @returns `false` if too many queries are under way.
   */
  ask(to: Contact | Endpoint, method: string, args: KrpcValues, handler: CallHandler): boolean {
    const now = this.#host.clock.now();
    const contact = "id" in to ? to : undefined;
    const endpoint = "id" in to ? to.endpoint : to;
    if (contact !== undefined) this.#table.queried(contact, now);
    const full = { ...args, id: this.id, want: this.#host.wantsBoth() ? BOTH : undefined };
    return this.#rpc.query(endpoint, method, full, {
      readOnly: this.#settings.readOnly,
      now,
      handler: {
        replied: (reply, rtt) => {
          this.#answered({ id: copyBytes(reply.id), endpoint }, contact, rtt);
          this.#vote(endpoint, reply);
          handler.replied(reply, rtt);
        },
        refused: (error) => {
          this.#vote(endpoint, error);
          handler.refused(error);
        },
        slow: () => handler.slow?.(),
        failed: () => {
          if (contact !== undefined) this.#table.failed(contact);
          handler.failed();
        },
      },
    });
  }

  /** Whether the message answers a query of this site. */
  receive(message: KrpcReply | KrpcError, from: Endpoint): boolean {
    return this.#rpc.receive(message, from, this.#host.clock.now());
  }

  /**
   * Walks towards a target, now or when fewer lookups are under way.
   *
   * @returns Stops it; nothing is called afterwards.
   */
  lookup(task: SiteLookup): () => void {
    let release = (): void => {};
    const lookup = new Lookup(
      {
        target: task.target,
        ask: (to, handler) => this.ask(to, task.method, task.args, handler),
        nodes: (reply, isNews) => this.#named(reply, isNews),
        answered: (contact, reply) => task.answered?.(contact, reply),
        finished: (result) => {
          release();
          task.finished(result);
        },
      },
      this.#settings.style,
    );
    const start = (): void => {
      this.#lookups++;
      release = () => {
        release = () => {};
        this.#lookups--;
        this.#next();
      };
      const known = this.#table.closest(task.target, 2 * K);
      const start = known.length < K ? [...known, ...this.#rumoursNear(task.target)] : known;
      lookup.start(start, start.length < FEW_NODES ? this.#doors : []);
    };
    this.#waiting.add(start);
    // Not within the call: the caller has to have the way to stop it first.
    queueMicrotask(() => this.#next());
    return () => {
      this.#waiting.delete(start);
      lookup.stop();
      release();
    };
  }

  /** Ends everything that is under way. The socket is not closed. */
  close(): void {
    this.#upkeep.clear();
    this.#waiting.clear();
    this.#rpc.close();
  }

  #rumoursNear(target: Uint8Array): readonly Contact[] {
    return this.#rumours.toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, 2 * K);
  }

  #next(): void {
    for (const start of this.#waiting) {
      if (this.#lookups >= MAX_LOOKUPS) return;
      this.#waiting.delete(start);
      start();
    }
  }

  /** The nodes of our family that a reply names; the others go to who can use them. */
  #named(reply: KrpcReply, isNews?: (id: Uint8Array) => boolean): readonly Contact[] {
    const other = this.family === 4 ? 6 : 4;
    const foreign = reply.values.bytes(NODES[other]);
    if (foreign !== undefined) this.#host.others(decodeContacts(foreign, other), other);
    const bytes = reply.values.bytes(NODES[this.family]);
    return bytes === undefined ? [] : decodeContacts(bytes, this.family, isNews);
  }

  #answered(contact: Contact, asked: Contact | undefined, rtt: number): void {
    const now = this.#host.clock.now();
    this.#host.verified(contact.endpoint.address);
    if (asked !== undefined && compareDistance(this.id, asked.id, contact.id) !== 0) {
      this.#table.failed(asked);
    }
    this.#table.answered(contact, rtt, now);
  }

  #vote(voter: Endpoint, { ip }: KrpcReply | KrpcError): void {
    if (!this.#external.vote(voter.address, ip)) return;
    const address = this.#external.elected ?? "";
    if (!isSecureId(this.id, address)) this.#rebuild(secureId(address, this.#host.rng));
    this.#host.moved(this);
  }

  /** Takes another id; the nodes find their places around it anew. */
  #rebuild(id: Uint8Array): void {
    const nodes = this.#table.buckets().flat();
    const { idPolicy, isExtended } = this.#settings;
    this.#table = new RoutingTable(id, idPolicy, isExtended);
    for (const node of nodes) this.#table.answered(node, node.rtt, node.answeredAt);
    this.#selfLookupAt = 0;
    this.#upkeep.set(this.#host.clock.now());
  }

  #keepUp(now: number): void {
    this.#upkeep.set(now + TICK_MS);
    if (now >= this.#selfLookupAt) this.#lookUpSelf(now);
    const stalest = this.#table.stalest();
    if (stalest === undefined || now - stalest.node.queriedAt < STALE_MS) return;
    const { node, bucket, hasRoom } = stalest;
    const noise = Uint8Array.from({ length: ID_LENGTH }, () => randomInt(this.#host.rng, 256));
    const target = divergeAt(this.id, Math.min(bucket, 159), noise);
    this.ask(node, hasRoom ? "find_node" : "ping", hasRoom ? { target } : {}, {
      replied: (reply) => {
        const { address } = node.endpoint;
        this.meet(this.#named(reply).filter(({ endpoint }) => isCredible(endpoint, address)));
      },
      refused: () => {},
      failed: () => {},
    });
  }

  #lookUpSelf(now: number): void {
    const isPoor = this.#table.size < POOR_SIZE;
    if (isPoor && this.#table.size === 0 && this.#doors.length === 0) return;
    this.#selfLookupAt = now + (isPoor ? this.#retryMs : SELF_LOOKUP_MS);
    this.#retryMs = isPoor ? Math.min(2 * this.#retryMs, SELF_LOOKUP_MS) : FIRST_RETRY_MS;
    this.lookup({
      target: this.id,
      method: "find_node",
      args: { target: this.id },
      finished: ({ closest }) => this.#widen(closest.map(({ contact }) => contact)),
    });
  }

  /** Fills the far buckets: our neighbours' neighbours are all near. */
  #widen(neighbours: readonly Contact[]): void {
    const buckets = this.#table.buckets();
    // The last two hold our neighbours, which the lookup of ourselves has just met.
    for (const [bucket, leaf] of buckets.slice(0, -2).entries()) {
      if (leaf.length >= K || neighbours.length === 0) continue;
      const noise = Uint8Array.from({ length: ID_LENGTH }, () => randomInt(this.#host.rng, 256));
      const target = divergeAt(this.id, bucket, noise);
      this.lookup({ target, method: "find_node", args: { target }, finished: () => {} });
    }
  }
}

/** The reply's member that names nodes of a family. */
const NODES: Readonly<Record<4 | 6, string>> = { 4: "nodes", 6: "nodes6" };
const BOTH: readonly string[] = ["n4", "n6"];
