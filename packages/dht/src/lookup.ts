// One walk through the DHT towards a target: asks ever closer nodes until the closest have answered.
import { copyBytes, type Endpoint, formatEndpoint, isLocal } from "@shoal/core";
import { type Contact, isCredible, subnetOf } from "./contact.ts";
import type { KrpcError, KrpcReply } from "./krpc.ts";
import { compareDistance } from "./node-id.ts";
import { K } from "./routing-table.ts";
import type { CallHandler } from "./rpc.ts";
import { isSecureId } from "./secure-id.ts";

/** Most nodes remembered of a walk. */
const MAX_CANDIDATES = 100;
/** Most of them whose id does not follow from their address (BEP 42): anybody can make such up. */
const MAX_UNBOUND = MAX_CANDIDATES / 2;
/** Most of the eight closest that are such, as long as there are others. */
const FEW_UNBOUND = K / 2;

/** What a walk is for. */
export interface LookupTask {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** Sends the walk's query to a node; `false` if that is impossible now. */
  ask(to: Contact | Endpoint, handler: CallHandler): boolean;
  /** The nodes that a reply names, of those whose ids are news. */
  nodes(reply: KrpcReply, isNews: (id: Uint8Array) => boolean): readonly Contact[];
  /** A node answered. May end the walk by `stop`. */
  answered?(contact: Contact, reply: KrpcReply): void;
  /** The walk is over. Called once, and not after `stop`. */
  finished(result: LookupResult): void;
}

/** A node that answered, and with what it lets us write. */
export interface FoundNode {
  readonly contact: Contact;
  readonly token: Uint8Array | undefined;
}

/** How a walk went. */
export interface LookupResult {
  /**
   * The eight closest that answered, the closest first. At most four have an id that does not follow
   * from their address, unless there are no others: whoever makes up ids next to the target can't
   * hide its true neighbours.
   */
  readonly closest: readonly FoundNode[];
  /** The eight closest that answered with a write token. */
  readonly writable: readonly FoundNode[];
  readonly queries: number;
  readonly replies: number;
  /** From our table to the closest node that answered: 1 if we knew it. */
  readonly hops: number;
}

/** How a walk goes about it. */
export interface LookupStyle {
  /** Queries under way: the α of Kademlia. */
  readonly parallel: number;
  /** Keep α queries under way among the closest nodes rather than altogether: fast, but chatty. */
  readonly aggressive: boolean;
  /** Nodes whose id does not follow from their address are not asked (BEP 42). */
  readonly secureOnly: boolean;
  /** How a node's id came about makes no difference. */
  readonly anyId: boolean;
}

/** A walk. It starts with {@link start} and needs no timer: slow queries are told by who sends. */
export class Lookup {
  readonly #task: LookupTask;
  readonly #style: LookupStyle;
  /** The closest first. */
  readonly #candidates: Candidate[] = [];
  /** One node of a network is asked: /24 or /64; in our own network one of a port. */
  readonly #networks = new Set<string>();
  /** Candidates whose id does not follow from their address. */
  #unbound = 0;
  /** Queries to nodes whose ids we do not know yet. */
  #doors = 0;
  #queries = 0;
  #replies = 0;
  #isOver = false;

  constructor(task: LookupTask, style: LookupStyle) {
    this.#task = task;
    this.#style = style;
  }

  /**
   * @param known The closest nodes that we know.
   * @param doors Where to ask when we know too few: nodes without ids.
   */
  start(known: readonly Contact[], doors: readonly Endpoint[]): void {
    for (const contact of known) this.#consider(contact, 1);
    for (const endpoint of doors) this.#knock(endpoint);
    this.#step();
  }

  /** Ends the walk; nothing is called any more. */
  stop(): void {
    this.#isOver = true;
  }

  #knock(endpoint: Endpoint): void {
    let isWaiting = true;
    const arrive = (): void => {
      if (isWaiting) this.#doors--;
      isWaiting = false;
    };
    const sent = this.#task.ask(endpoint, {
      replied: (reply) => {
        arrive();
        if (this.#isOver) return;
        const candidate = this.#consider({ id: copyBytes(reply.id), endpoint }, 1);
        if (candidate !== undefined) this.#replied(candidate, reply);
        else this.#read(reply, endpoint, 1);
        this.#step();
      },
      slow: () => this.#step(),
      refused: () => {
        arrive();
        this.#step();
      },
      failed: () => {
        arrive();
        this.#step();
      },
    });
    if (!sent) return;
    this.#doors++;
    this.#queries++;
  }

  #consider(contact: Contact, depth: number): Candidate | undefined {
    const at = this.#placeFor(contact.id);
    if (at < 0 || at >= MAX_CANDIDATES) return undefined;
    const { address } = contact.endpoint;
    const isBound = this.#style.anyId || isSecureId(contact.id, address);
    if (this.#style.secureOnly && !isBound) return undefined;
    const network = isLocal(address) ? formatEndpoint(contact.endpoint) : subnetOf(address);
    if (this.#networks.has(network)) return undefined;
    this.#networks.add(network);
    const candidate: Candidate = { contact, isBound, depth, state: "new", token: undefined };
    this.#candidates.splice(at, 0, candidate);
    if (!isBound && ++this.#unbound > MAX_UNBOUND) {
      this.#forget(this.#candidates.findLastIndex((other) => !other.isBound));
    }
    if (this.#candidates.length > MAX_CANDIDATES) this.#forget(MAX_CANDIDATES);
    return candidate;
  }

  #forget(at: number): void {
    const [forgotten] = this.#candidates.splice(at, 1);
    if (forgotten?.isBound === false) this.#unbound--;
  }

  /** Where an id belongs in the order, −1 if it is there already. */
  #placeFor(id: Uint8Array): number {
    let low = 0;
    let high = this.#candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#candidates[middle]?.contact.id ?? id;
      const order = compareDistance(this.#task.target, other, id);
      if (order === 0) return -1;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Asks whom it is time to ask, and ends the walk when nobody is left who could bring more. */
  #step(): void {
    if (this.#isOver) return;
    let left = this.#advance(this.#hasBound() ? FEW_UNBOUND : K);
    if (!left.isWaiting && left.answered < K) left = this.#advance(K);
    if (left.isWaiting) return;
    // Slow nodes are waited for only as long as nobody else has answered.
    if (left.answered === 0 && (this.#doors > 0 || this.#has("slow"))) return;
    this.#isOver = true;
    this.#task.finished(this.#result());
  }

  /**
   * Asks whom it is time to ask of the closest nodes.
   *
   * @param mostUnbound How many of the eight closest may be unbound.
   * @returns Whether there are answers to wait for, and how many of the closest have answered.
   */
  #advance(mostUnbound: number): { readonly isWaiting: boolean; readonly answered: number } {
    const { parallel, aggressive } = this.#style;
    let flying = aggressive ? 0 : this.#flying();
    let isWaiting = false;
    let answered = 0;
    let unbound = 0;
    for (const candidate of this.#candidates) {
      if (answered >= K) break;
      if (isGone(candidate)) continue;
      if (!candidate.isBound && ++unbound > mostUnbound) continue;
      if (candidate.state === "answered") {
        answered++;
        continue;
      }
      if (candidate.state === "asked" && aggressive) flying++;
      if (candidate.state === "new") {
        if (flying < parallel && !this.#ask(candidate)) continue;
        flying++;
      }
      isWaiting = true;
      if (flying > parallel) break;
    }
    return { isWaiting, answered };
  }

  #flying(): number {
    let flying = this.#doors;
    for (const { state } of this.#candidates) if (state === "asked") flying++;
    return flying;
  }

  /** Whether the id of any candidate that may be there follows from its address. */
  #hasBound(): boolean {
    if (this.#unbound === this.#candidates.length) return false;
    return this.#candidates.some((candidate) => candidate.isBound && !isGone(candidate));
  }

  #has(state: Candidate["state"]): boolean {
    return this.#candidates.some((candidate) => candidate.state === state);
  }

  #ask(candidate: Candidate): boolean {
    const sent = this.#task.ask(candidate.contact, {
      replied: (reply) => {
        if (this.#isOver) return;
        this.#replied(candidate, reply);
        this.#step();
      },
      slow: () => {
        if (candidate.state === "asked") candidate.state = "slow";
        this.#step();
      },
      refused: (_error: KrpcError) => {
        candidate.state = "failed";
        this.#step();
      },
      failed: () => {
        candidate.state = "failed";
        this.#step();
      },
    });
    candidate.state = sent ? "asked" : "failed";
    if (sent) this.#queries++;
    return sent;
  }

  #replied(candidate: Candidate, reply: KrpcReply): void {
    const { contact } = candidate;
    // Who answers under another id than we were told is not where it claims to be.
    if (compareDistance(this.#task.target, contact.id, reply.id) !== 0) {
      candidate.state = "failed";
      return;
    }
    candidate.state = "answered";
    const token = reply.values.bytes("token");
    candidate.token = token && copyBytes(token.subarray(0, MAX_TOKEN));
    this.#replies++;
    this.#read(reply, contact.endpoint, candidate.depth + 1);
    this.#task.answered?.(contact, reply);
  }

  #read(reply: KrpcReply, from: Endpoint, depth: number): void {
    const isNews = (id: Uint8Array): boolean => {
      const at = this.#placeFor(id);
      return at >= 0 && at < MAX_CANDIDATES;
    };
    for (const contact of this.#task.nodes(reply, isNews)) {
      if (isCredible(contact.endpoint, from.address)) this.#consider(contact, depth);
    }
  }

  #result(): LookupResult {
    const answered = this.#candidates.filter(({ state }) => state === "answered");
    return {
      closest: best(answered),
      writable: best(answered.filter(({ token }) => token !== undefined)),
      queries: this.#queries,
      replies: this.#replies,
      hops: answered[0]?.depth ?? 0,
    };
  }
}

function isGone({ state }: Candidate): boolean {
  return state === "failed" || state === "slow";
}

/** The eight closest, of whom few are unbound if that is possible. */
function best(candidates: readonly Candidate[]): readonly Candidate[] {
  const bound = candidates.filter(({ isBound }) => isBound).length;
  let unbound = Math.max(FEW_UNBOUND, K - bound);
  return candidates.filter(({ isBound }) => isBound || unbound-- > 0).slice(0, K);
}

/** Bytes of the longest write token that we send back. */
const MAX_TOKEN = 64;

interface Candidate extends FoundNode {
  readonly contact: Contact;
  /** Its id follows from its address (BEP 42), or that is not asked for. */
  readonly isBound: boolean;
  /** Replies between our table and it, itself included. */
  readonly depth: number;
  /** `slow`: no answer yet, others are asked meanwhile. */
  state: "new" | "asked" | "slow" | "answered" | "failed";
  token: Uint8Array | undefined;
}
