// Connections for streams, by origin: kept alive, bounded in number, first come, first served.
import { NetError } from "./error.ts";
import type { HttpAgents } from "./http-agents.ts";
import { HttpConnection } from "./http-connection.ts";

/** Read into by all connections. */
const BUFFER_SIZE = 262_144;

/** Where a connection leads. */
export interface Destination {
  readonly url: URL;
  /** Never to an address of this machine or network. */
  readonly publicOnly: boolean;
}

/** Somebody who waits for a connection. */
export interface Waiting {
  /** The connection is this one's, until its request is answered. */
  ready(connection: HttpConnection): void;
  failed(error: NetError): void;
}

interface Origin {
  readonly to: Destination;
  readonly idle: HttpConnection[];
  readonly waiting: Set<Waiting>;
  /** Also those that are being opened. */
  readonly open: Set<HttpConnection>;
  opening: number;
}

/** See the head of this file. */
export class HttpPool {
  readonly #agents: HttpAgents;
  readonly #limit: number;
  readonly #origins: Map<string, Origin> = new Map();
  #buffer: Buffer | undefined;
  #isClosed = false;

  /** @param limit Connections to one origin at a time. */
  constructor(agents: HttpAgents, limit: number) {
    this.#agents = agents;
    this.#limit = limit;
  }

  /**
   * Asks for a connection, perhaps answered during the call.
   *
   * @returns withdraws the wish.
   */
  acquire(to: Destination, waiting: Waiting): () => void {
    if (this.#isClosed) {
      waiting.failed(closed());
      return () => {};
    }
    const key = `${to.publicOnly ? "public " : ""}${to.url.origin}`;
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      origin = { to, idle: [], waiting: new Set(), open: new Set(), opening: 0 };
      this.#origins.set(key, origin);
    }
    origin.waiting.add(waiting);
    this.#serve(key, origin);
    const { waiting: wishes } = origin;
    return () => wishes.delete(waiting);
  }

  /** Ends all connections; who waits or receives is told. */
  close(): void {
    this.#isClosed = true;
    const error = closed();
    for (const { waiting, open } of this.#origins.values()) {
      for (const one of waiting) one.failed(error);
      waiting.clear();
      for (const connection of open) connection.fail(error);
    }
    this.#origins.clear();
  }

  #serve(key: string, origin: Origin): void {
    const { idle, waiting, open } = origin;
    for (const first of waiting) {
      const connection = idle.pop();
      if (connection === undefined) break;
      waiting.delete(first);
      first.ready(connection);
    }
    // Those being opened will serve one each.
    while (origin.opening < waiting.size && open.size < this.#limit) this.#open(key, origin);
    if (open.size === 0 && waiting.size === 0) this.#origins.delete(key);
  }

  #open(key: string, origin: Origin): void {
    const { to, idle, waiting, open } = origin;
    let isOpening = true;
    const opened = (): void => {
      if (isOpening) origin.opening--;
      isOpening = false;
    };
    const connection = new HttpConnection({
      idle: () => {
        opened();
        idle.push(connection);
        this.#serve(key, origin);
      },
      closed: () => {
        open.delete(connection);
        const place = idle.indexOf(connection);
        if (place >= 0) idle.splice(place, 1);
        this.#serve(key, origin);
      },
    });
    open.add(connection);
    origin.opening++;
    this.#buffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
    const options = { publicOnly: to.publicOnly, buffer: this.#buffer };
    connection.open(this.#agents, to.url, options, (error) => {
      opened();
      open.delete(connection);
      const [first] = waiting;
      if (first !== undefined) {
        waiting.delete(first);
        first.failed(error);
      }
      this.#serve(key, origin);
    });
  }
}

function closed(): NetError {
  return new NetError("ERR_NET_CLOSED", "the HTTP client was closed");
}
