// Announces and scrapes at UDP trackers over one socket per address family (BEP 15).
import { type Alarm, type Datagrams, type Endpoint, formatEndpoint, ipFamily } from "@shoal/core";
import { unlessAborted } from "./abort.ts";
import type { AnnounceAnswer, AnnounceRequest } from "./announce.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import type { UdpTrackerHost } from "./host.ts";
import {
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
  parseUdpAnswer,
  type UdpAnswer,
  type UdpSwarm,
  udpTransaction,
} from "./udp-codec.ts";

/** How patient the client is. */
export interface UdpTrackerOptions {
  /** Ms until an unanswered datagram is sent again; doubles each time. Default 15,000 (BEP 15). */
  readonly retransmitMs?: number;
  /** How often a datagram is sent before the tracker counts as dead. Default 2: 45 s. */
  readonly tries?: number;
}

/**
 * Talks to all UDP trackers of an engine. Connection ids are kept for a minute and shared by all
 * torrents; an answer counts only if its transaction id and its sender fit the question.
 */
export class UdpTrackerClient {
  readonly #host: UdpTrackerHost;
  readonly #retransmitMs: number;
  readonly #tries: number;
  readonly #sockets = new Map<4 | 6, Promise<Datagrams>>();
  /** Questions without an answer yet, by transaction id. */
  readonly #open = new Map<number, Question>();
  /** By the tracker's endpoint; oldest first. */
  readonly #connections = new Map<string, Connection>();
  /** Connections being made, by the tracker's endpoint. */
  readonly #connecting = new Map<string, Promise<Connection>>();
  #closed = false;

  constructor(host: UdpTrackerHost, options: UdpTrackerOptions = {}) {
    this.#host = host;
    this.#retransmitMs = options.retransmitMs ?? 15_000;
    this.#tries = options.tries ?? 2;
  }

  /**
   * Announces to the tracker at an endpoint.
   *
   * @param options `path`: path and query of the announce URL (BEP 41).
   * @throws TrackerError; the signal's reason if it aborts.
   */
  async announce(
    to: Endpoint,
    request: AnnounceRequest,
    options: { readonly path: string; readonly signal: AbortSignal },
  ): Promise<AnnounceAnswer> {
    const { path, signal } = options;
    const answer = await this.#askConnected(to, signal, (connection, transaction) =>
      encodeUdpAnnounce(connection, transaction, request, path),
    );
    if (answer.action === "announce") return answer.answer;
    throw unexpected();
  }

  /**
   * Asks for the counts of swarms.
   *
   * @param infoHashes 20 bytes each; what fits into a datagram is up to the caller.
   * @returns As many as the tracker tells of, in the order asked.
   * @throws TrackerError; the signal's reason if it aborts.
   */
  async scrape(
    to: Endpoint,
    infoHashes: readonly Uint8Array[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly UdpSwarm[]> {
    const answer = await this.#askConnected(to, options.signal, (connection, transaction) =>
      encodeUdpScrape(connection, transaction, infoHashes),
    );
    if (answer.action === "scrape") return answer.swarms;
    throw unexpected();
  }

  /** Fails all open questions and closes the sockets. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const question of this.#open.values()) question.settle(closedError());
    const sockets = await Promise.allSettled(this.#sockets.values());
    this.#sockets.clear();
    await Promise.all(
      sockets.map(async (socket) => socket.status === "fulfilled" && socket.value.close()),
    );
  }

  /** Asks a question that needs a connection id, as often as it takes. */
  async #askConnected(
    to: Endpoint,
    signal: AbortSignal,
    encode: (connection: bigint, transaction: number) => Uint8Array,
  ): Promise<UdpAnswer> {
    const key = formatEndpoint(to);
    for (let sent = 0; sent < this.#tries; sent++) {
      const kept = this.#fresh(key);
      const { id } = kept ?? (await unlessAborted(signal, this.#connect(key, to)));
      const answer = await this.#ask(to, this.#waitOf(sent), signal, (transaction) =>
        encode(id, transaction),
      );
      if (answer === undefined) continue;
      if (answer.action !== "error") return answer;
      this.#connections.delete(key);
      // A kept connection id may be what it refuses: a tracker that restarted knows it no more.
      if (kept === undefined || sent === this.#tries - 1) throw refused(answer.message);
    }
    this.#connections.delete(key);
    throw this.#silent("a question");
  }

  #fresh(key: string): Connection | undefined {
    const connection = this.#connections.get(key);
    return connection && connection.expires > this.#host.clock.now() ? connection : undefined;
  }

  /** A new connection id; torrents that need one of the same tracker share the question. */
  #connect(key: string, to: Endpoint): Promise<Connection> {
    const pending = this.#connecting.get(key) ?? this.#makeConnection(key, to);
    this.#connecting.set(key, pending);
    return pending;
  }

  async #makeConnection(key: string, to: Endpoint): Promise<Connection> {
    try {
      for (let sent = 0; sent < this.#tries; sent++) {
        const answer = await this.#ask(to, this.#waitOf(sent), undefined, encodeUdpConnect);
        if (answer === undefined) continue;
        if (answer.action === "error") throw refused(answer.message);
        if (answer.action !== "connect") throw unexpected();
        const expires = this.#host.clock.now() + CONNECTION_MS;
        const connection = { id: answer.connection, expires };
        this.#keep(key, connection);
        return connection;
      }
      throw this.#silent("a connect request");
    } finally {
      this.#connecting.delete(key);
    }
  }

  #keep(key: string, connection: Connection): void {
    this.#connections.delete(key);
    this.#connections.set(key, connection);
    const [oldest] = this.#connections.keys();
    if (this.#connections.size > MAX_CONNECTIONS && oldest) this.#connections.delete(oldest);
  }

  /** Sends one datagram and waits for its answer; `undefined` if none comes in time. */
  async #ask(
    to: Endpoint,
    waitMs: number,
    signal: AbortSignal | undefined,
    encode: (transaction: number) => Uint8Array,
  ): Promise<UdpAnswer | undefined> {
    const family = ipFamily(to.address) ?? 4;
    const opening = this.#socket(family);
    const socket = await (signal ? unlessAborted(signal, opening) : opening);
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    return new Promise((resolve, reject) => {
      const transaction = this.#newTransaction();
      const settle = (outcome: UdpAnswer | Error | undefined): void => {
        this.#open.delete(transaction);
        alarm.clear();
        signal?.removeEventListener("abort", abort);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const abort = (): void => settle(asTrackerError(signal?.reason));
      const alarm: Alarm = this.#host.deadlines.alarm(() => settle(undefined));
      alarm.set(this.#host.clock.now() + waitMs);
      signal?.addEventListener("abort", abort, { once: true });
      this.#open.set(transaction, { remote: formatEndpoint(to), family, settle });
      socket.send(encode(transaction), to);
    });
  }

  async #socket(family: 4 | 6): Promise<Datagrams> {
    if (this.#closed) throw closedError();
    let socket = this.#sockets.get(family);
    if (socket === undefined) {
      socket = this.#openSocket(family);
      this.#sockets.set(family, socket);
    }
    return socket;
  }

  async #openSocket(family: 4 | 6): Promise<Datagrams> {
    try {
      const socket = await this.#host.udp(family);
      socket.attach((bytes, from) => this.#receive(bytes, from));
      return socket;
    } catch (cause) {
      this.#sockets.delete(family);
      const message = `expected a UDP socket for IPv${family}: ${asTrackerError(cause).message}`;
      throw new TrackerError("ERR_TRACKER_UNREACHABLE", message, { cause });
    }
  }

  #receive(bytes: Uint8Array, from: Endpoint): void {
    const transaction = udpTransaction(bytes);
    const question = transaction === undefined ? undefined : this.#open.get(transaction);
    if (question === undefined || question.remote !== formatEndpoint(from)) return;
    try {
      question.settle(parseUdpAnswer(bytes, question.family));
    } catch (malformed) {
      question.settle(asTrackerError(malformed));
    }
  }

  #newTransaction(): number {
    for (;;) {
      const [a = 0, b = 0, c = 0, d = 0] = this.#host.entropy(4);
      const transaction = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
      if (!this.#open.has(transaction)) return transaction;
    }
  }

  #waitOf(sent: number): number {
    return this.#retransmitMs * 2 ** sent;
  }

  #silent(what: string): TrackerError {
    const seconds = (this.#retransmitMs * (2 ** this.#tries - 1)) / 1000;
    return new TrackerError(
      "ERR_TRACKER_TIMEOUT",
      `expected an answer to ${what} within ${seconds} s, none came`,
    );
  }
}

interface Connection {
  readonly id: bigint;
  /** Ms of the host's clock. */
  readonly expires: number;
}

interface Question {
  /** The only sender whose answer counts. */
  readonly remote: string;
  readonly family: 4 | 6;
  readonly settle: (outcome: UdpAnswer | Error | undefined) => void;
}

/** How long a client may use a connection id (BEP 15). */
const CONNECTION_MS = 60_000;
const MAX_CONNECTIONS = 1000;

function refused(message: string): TrackerError {
  return new TrackerError("ERR_TRACKER_REFUSED", `it refused: '${message}'`);
}

function unexpected(): TrackerError {
  return new TrackerError(
    "ERR_TRACKER_MALFORMED",
    "expected the answer to what was asked, got that of another action",
  );
}

function closedError(): TrackerError {
  return new TrackerError("ERR_TRACKER_CLOSED", "the tracker client was closed");
}
