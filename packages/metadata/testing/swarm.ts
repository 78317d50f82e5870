// A swarm in virtual time: torrents whose extension sessions exchange messages over slow links.
import { type Alarm, Deadlines, type Endpoint, endpoint, equalBytes, type Rng } from "@shoal/core";
import {
  type ExtensionPeer,
  ExtensionSession,
  type ExtensionTorrent,
  type PeerExtension,
  type SwarmPeer,
  type TorrentExtension,
  type WireExtension,
} from "@shoal/wire";
import { type Message, parseMessage } from "../src/message.ts";

/** How a link is; both directions alike. */
export interface LinkOptions {
  /** Ms. */
  readonly latency: number;
  /** Bytes per ms. */
  readonly rate: number;
  /** The connection goes on for a while after one side has closed it, as those of sockets do. */
  readonly lingers?: boolean;
}

/** The clock, and what comes when. */
export class Swarm {
  readonly deadlines: Deadlines = new Deadlines();
  readonly rng: Rng;
  /** The info dictionary that has the info-hash: any bytes. */
  readonly truth: Uint8Array;
  now = 0;
  #nextId = 1;

  constructor(truth: Uint8Array, rng: Rng) {
    this.truth = truth;
    this.rng = rng;
  }

  /** Runs until the condition holds. @returns whether it does, after `limit` ms at the latest. */
  run(until: () => boolean, limit: number): boolean {
    const end = this.now + limit;
    while (!until()) {
      const next = this.deadlines.nextDeadline();
      if (next === undefined || next > end) return false;
      this.now = Math.max(this.now, next);
      this.deadlines.advance(this.now);
    }
    return true;
  }

  /** Runs for so long. */
  pass(ms: number): void {
    const end = this.now + ms;
    this.run(() => false, ms);
    this.now = end;
  }

  /** Connects two torrents. @returns what ends the connection. */
  connect(a: Node, b: Node, options: LinkOptions = { latency: 20, rate: 1000 }): () => void {
    const ends: Ending[] = [new Ending(this, options), new Ending(this, options)];
    const cut = (): void => {
      for (const end of ends) end.close();
    };
    for (const [i, [here, there]] of [[a, b] as const, [b, a] as const].entries()) {
      ends[i]?.open(this.#nextId++, here, there, ends[1 - i], cut);
    }
    for (const end of ends) end.session?.start();
    return cut;
  }
}

/** A torrent of the swarm, with the extension and nothing else. */
export class Node implements ExtensionTorrent {
  readonly infoHash: Uint8Array = new Uint8Array(20);
  readonly isPrivate = false;
  readonly rng: Rng;
  readonly address: Endpoint;
  readonly extension: TorrentExtension | undefined;
  /** Why it closed connections. */
  readonly disconnects: Error[] = [];
  /** What its extension threw. */
  readonly errors: Error[] = [];
  /** Messages that it sent, handshakes included. */
  sent = 0;
  /** Bytes that wait on the connection that it used last. */
  backlog = 0;
  /** Info dictionaries that were put together. */
  arrivals = 0;
  readonly #swarm: Swarm;
  #metadata: Uint8Array | undefined;

  constructor(swarm: Swarm, extension: WireExtension, options: NodeOptions = {}) {
    this.#swarm = swarm;
    this.rng = swarm.rng;
    this.#metadata = options.metadata;
    this.address = endpoint(options.address ?? "127.0.0.1", 6881);
    this.extension = extension.attach(this);
  }

  now(): number {
    return this.#swarm.now;
  }

  alarm(ring: (now: number) => void): Alarm {
    return this.#swarm.deadlines.alarm(ring);
  }

  peers(): Iterable<SwarmPeer> {
    return [];
  }

  addPeers(): void {}

  punch(): void {}

  metadata(): Uint8Array | undefined {
    return this.#metadata;
  }

  metadataArrived(bytes: Uint8Array): boolean {
    this.arrivals++;
    const isRight = equalBytes(bytes, this.#swarm.truth);
    if (isRight) this.#metadata = bytes;
    return isRight;
  }

  /** The info dictionary comes from elsewhere. */
  give(metadata: Uint8Array): void {
    this.#metadata = metadata;
  }
}

export interface NodeOptions {
  readonly metadata?: Uint8Array | undefined;
  /** Default `127.0.0.1`. */
  readonly address?: string;
}

/** What a scripted peer does. */
export interface Script {
  /** What it says the size is. */
  readonly size?: number | undefined;
  /** Its connection begins, as soon as the other side can be sent to. */
  begin?(peer: ExtensionPeer): void;
  /** A message came, read. */
  message(message: Message, peer: ExtensionPeer): void;
}

/** An extension that follows a script, to stand for other clients and for hostile ones. */
export function scripted(script: Script): WireExtension {
  const attachPeer = (peer: ExtensionPeer): PeerExtension => ({
    handshakeFields: () => (script.size === undefined ? {} : { metadata_size: script.size }),
    handshake: () => script.begin?.(peer),
    message: (payload) => {
      const message = parseMessage(payload);
      if (message !== undefined) script.message(message, peer);
    },
  });
  return { name: "ut_metadata", attach: () => ({ attachPeer }) };
}

/** One end of a connection: a session, and the link that its messages go out on. */
class Ending {
  session: ExtensionSession | undefined;
  readonly #swarm: Swarm;
  readonly #options: LinkOptions;
  /** When the link has sent everything, in ms. */
  #freeAt = 0;

  constructor(swarm: Swarm, options: LinkOptions) {
    this.#swarm = swarm;
    this.#options = options;
  }

  open(id: number, here: Node, there: Node, other: Ending | undefined, cut: () => void): void {
    const { extension } = here;
    const backlog = (): number => Math.max(0, this.#freeAt - this.#swarm.now) * this.#options.rate;
    this.session = new ExtensionSession(
      {
        id,
        remote: there.address,
        get backlog() {
          return backlog();
        },
        send: (message, payload) => {
          this.#send(message, payload.slice(), other);
          here.backlog = backlog();
          here.sent++;
        },
        dontHave: () => {},
        disconnect: (reason) => {
          here.disconnects.push(reason);
          if (this.#options.lingers !== true) cut();
        },
        disabled: (_name, error) => here.errors.push(error),
      },
      {},
      extension === undefined ? [] : [{ name: "ut_metadata", extension }],
    );
  }

  close(): void {
    this.session?.close();
    this.session = undefined;
  }

  #send(id: number, payload: Uint8Array, other: Ending | undefined): void {
    const { latency, rate } = this.#options;
    this.#freeAt = Math.max(this.#freeAt, this.#swarm.now) + (payload.length + 6) / rate;
    this.#swarm.deadlines
      .alarm(() => other?.session?.receive(id, payload))
      .set(this.#freeAt + latency);
  }
}
