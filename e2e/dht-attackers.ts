// Hostile nodes of the simulated DHT: they sit next to targets, name each other, and replay tokens.
import { type BencodeInput, encode } from "@shoal/bencode";
import {
  concatBytes,
  type Datagrams,
  type Endpoint,
  encodeCompact,
  type Rng,
  randomInt,
} from "@shoal/core";
import { decodeKrpc, encodeReply, type KrpcReply } from "@shoal/dht";
import type { SimNetwork } from "../packages/dht/testing/network.ts";

/** How often each attacker asks around, in ms. */
const ROUND_MS = 20_000;
/** Peers that are not there: told to who asks, and announced by replayed tokens. */
const LIE: Uint8Array = Uint8Array.of(11, 0, 0, 1, 0, 99);
const REPLAYED_PORT = 66;

/** What attackers need to know. */
export interface AttackSettings {
  readonly net: SimNetwork;
  /** What they want to hide. */
  readonly targets: readonly Uint8Array[];
  /** Somebody who may be there. */
  readonly victim: () => Endpoint;
}

/** All attackers of a simulation, who know each other. */
export class Attackers {
  readonly #settings: AttackSettings;
  readonly #rng: Rng;
  /** As replies name them. */
  readonly #allies: Uint8Array[] = [];
  readonly #sockets: Datagrams[] = [];
  readonly #addresses = new Set<string>();
  /** Announces with somebody else's token or another target's: tried, and taken by a node. */
  replaysTried = 0;
  replaysTaken = 0;

  constructor(settings: AttackSettings) {
    this.#settings = settings;
    this.#rng = settings.net.rng;
  }

  /**
   * Adds a node next to a target, under an id that does not follow from its address. It names only
   * itself and its allies, tells of peers that are not there, and lets announces come to nothing.
   */
  add(endpoint: Endpoint): void {
    const { net, targets, victim } = this.#settings;
    const target = targets[this.#sockets.length % targets.length] as Uint8Array;
    const id = Uint8Array.from({ length: 20 }, () => randomInt(this.#rng, 256));
    // Close enough to be among the closest everywhere.
    id.set(target.subarray(0, 4));
    const self = concatBytes([id, encodeCompact(endpoint)]);
    const socket = net.socket(endpoint);
    this.#allies.push(self);
    this.#sockets.push(socket);
    this.#addresses.add(endpoint.address);
    socket.attach((bytes, from) => {
      const message = decodeKrpc(bytes);
      if (message?.kind === "query") this.#mislead(socket, message, { id, self, to: from });
      else if (message?.kind === "reply") this.#heard(message, { socket, target, from });
    });
    const alarm = net.deadlines.alarm((now) => {
      // Makes itself known by asking around, and collects tokens.
      const findNode = queryOf("find_node", FIND, { id, target });
      for (let i = 0; i < 4; i++) socket.send(findNode, victim());
      socket.send(queryOf("get_peers", STEAL, { id, info_hash: target }), victim());
      alarm.set(now + ROUND_MS);
    });
    alarm.set(net.clock.now() + 1000);
  }

  #mislead(
    socket: Datagrams,
    { method, transaction }: { readonly method: string; readonly transaction: Uint8Array },
    { id, self, to }: { readonly id: Uint8Array; readonly self: Uint8Array; readonly to: Endpoint },
  ): void {
    const named = [self];
    while (named.length < 8) named.push(this.#any(this.#allies));
    const nodes = concatBytes(named);
    const values = method === "get_peers" ? [LIE] : undefined;
    const token = new Uint8Array(4);
    socket.send(
      encodeReply(transaction, new Uint8Array(6).fill(77), { id, nodes, values, token }),
      to,
    );
  }

  /** A token came: it is used from an ally's address, and for another target. */
  #heard(
    { transaction, values, id }: KrpcReply,
    { socket, target, from }: { socket: Datagrams; target: Uint8Array; from: Endpoint },
  ): void {
    // Another attacker takes everything.
    if (this.#addresses.has(from.address)) return;
    if (transaction[0] === REPLAY[0]) this.replaysTaken++;
    const token = values.bytes("token");
    if (transaction[0] !== STEAL[0] || token === undefined) return;
    const replay = (by: Datagrams, info_hash: Uint8Array): void => {
      this.replaysTried++;
      const args = { id: id.map((byte) => byte ^ 0xff), info_hash, port: REPLAYED_PORT, token };
      by.send(queryOf("announce_peer", REPLAY, args), from);
    };
    const ally = this.#any(this.#sockets);
    if (ally !== socket) replay(ally, target);
    replay(socket, id);
  }

  #any<T>(items: readonly T[]): T {
    return items[randomInt(this.#rng, items.length)] as T;
  }
}

/** Transaction ids by what a query is for. */
const FIND: Uint8Array = Uint8Array.of(0x46);
const STEAL: Uint8Array = Uint8Array.of(0x53);
const REPLAY: Uint8Array = Uint8Array.of(0x52);

function queryOf(q: string, t: Uint8Array, a: Record<string, BencodeInput>): Uint8Array {
  return encode({ a, q, t, y: "q" });
}
