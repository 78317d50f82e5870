// One walk through the DHT towards a target: asks ever closer nodes until the closest have answered.
import { type Endpoint, formatEndpoint, isLocal } from "@shoal/core";
import { type Contact, isCredible, subnetOf } from "./contact.ts";
import type { KrpcError, KrpcReply } from "./krpc.ts";
import { compareDistance } from "./node-id.ts";
import { K } from "./routing-table.ts";
import type { CallHandler } from "./rpc.ts";
import { isSecureId } from "./secure-id.ts";

/** Most nodes remembered of a walk. */
const MAX_CANDIDATES = 100;

/** What a walk is for. */
export interface LookupTask {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** Sends the walk's query to a node; `false` if that is impossible now. */
  ask(to: Contact | Endpoint, handler: CallHandler): boolean;
  /** The nodes that a reply names. */
  nodes(reply: KrpcReply): readonly Contact[];
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
  /** The eight closest that answered, the closest first. */
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
}

/** A walk. It starts with {@link start} and needs no timer: slow queries are told by who sends. */
export class Lookup {
  readonly #task: LookupTask;
  readonly #style: LookupStyle;
  /** The closest first. */
  readonly #candidates: Candidate[] = [];
  /** One node of a network is asked: /24 or /64; in our own network one of a port. */
  readonly #networks = new Set<string>();
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
        const candidate = this.#consider({ id: reply.id.slice(), endpoint }, 1);
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
    if (this.#style.secureOnly && !isSecureId(contact.id, address)) return undefined;
    const network = isLocal(address) ? formatEndpoint(contact.endpoint) : subnetOf(address);
    if (this.#networks.has(network)) return undefined;
    this.#networks.add(network);
    const candidate: Candidate = { contact, depth, state: "new", token: undefined };
    this.#candidates.splice(at, 0, candidate);
    if (this.#candidates.length > MAX_CANDIDATES) this.#candidates.pop();
    return candidate;
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
    const { parallel, aggressive } = this.#style;
    let flying = aggressive ? 0 : this.#flying();
    let ahead = 0;
    let answered = 0;
    for (const candidate of this.#candidates) {
      if (answered >= K) break;
      if (candidate.state === "answered") answered++;
      if (candidate.state === "asked") {
        ahead++;
        if (aggressive) flying++;
      }
      if (candidate.state !== "new") continue;
      if (flying >= parallel) {
        ahead++;
        break;
      }
      if (!this.#ask(candidate)) continue;
      flying++;
      ahead++;
    }
    if (ahead > 0) return;
    // Slow nodes are waited for only as long as nobody else has answered.
    if (answered === 0 && (this.#doors > 0 || this.#has("slow"))) return;
    this.#isOver = true;
    this.#task.finished(this.#result());
  }

  #flying(): number {
    let flying = this.#doors;
    for (const { state } of this.#candidates) if (state === "asked") flying++;
    return flying;
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
    candidate.token = reply.values.bytes("token")?.slice(0, MAX_TOKEN);
    this.#replies++;
    this.#read(reply, contact.endpoint, candidate.depth + 1);
    this.#task.answered?.(contact, reply);
  }

  #read(reply: KrpcReply, from: Endpoint, depth: number): void {
    for (const contact of this.#task.nodes(reply)) {
      // Most are known already, and that is the cheaper question.
      if (this.#placeFor(contact.id) < 0) continue;
      if (isCredible(contact.endpoint, from.address)) this.#consider(contact, depth);
    }
  }

  #result(): LookupResult {
    const answered = this.#candidates.filter(({ state }) => state === "answered");
    return {
      closest: answered.slice(0, K),
      writable: answered.filter(({ token }) => token !== undefined).slice(0, K),
      queries: this.#queries,
      replies: this.#replies,
      hops: answered[0]?.depth ?? 0,
    };
  }
}

/** Bytes of the longest write token that we send back. */
const MAX_TOKEN = 64;

interface Candidate extends FoundNode {
  readonly contact: Contact;
  /** Replies between our table and it, itself included. */
  readonly depth: number;
  /** `slow`: no answer yet, others are asked meanwhile. */
  state: "new" | "asked" | "slow" | "answered" | "failed";
  token: Uint8Array | undefined;
}
