// A swarm without network: nodes whose extension sessions are joined in memory, on virtual time.
import { createRng, Deadlines, type Endpoint, formatEndpoint } from "@shoal/core";
import {
  type AttachedExtension,
  ExtensionSession,
  type ExtensionTorrent,
  type FoundPeer,
  type SwarmPeer,
  type TorrentExtension,
  type WireExtension,
} from "@shoal/wire";
import { decodePex, type PexMessage, pexExtension } from "../src/index.ts";

/** Our id of the only extension: 1 is `upload_only`. */
const OWN_ID = 2;

/** What may differ between nodes. */
export interface NodeOptions {
  readonly isPrivate?: boolean;
  readonly uploadOnly?: boolean;
  /** In place of `pexExtension()`. */
  readonly extension?: WireExtension;
  /** Speaks no peer exchange. */
  readonly mute?: boolean;
  /** Does not tell where it listens. */
  readonly hidden?: boolean;
  readonly found?: (peers: readonly FoundPeer[]) => void;
}

/** A message that arrived. */
export interface Heard {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly message: PexMessage;
}

/** One end of a connection. */
export class End {
  readonly id: number;
  readonly node: Node;
  readonly outgoing: boolean;
  readonly remote: Endpoint;
  readonly session: ExtensionSession;
  /** What came from the other side, in order. */
  readonly heard: Heard[] = [];
  readonly faults: Error[] = [];
  other: End | undefined;

  constructor(node: Node, outgoing: boolean, remote: Endpoint) {
    this.id = node.swarm.nextId++;
    this.node = node;
    this.outgoing = outgoing;
    this.remote = remote;
    const { swarm } = node;
    const attached: AttachedExtension[] =
      node.part === undefined ? [] : [{ name: "ut_pex", extension: node.part }];
    this.session = new ExtensionSession(
      {
        id: this.id,
        remote,
        backlog: 0,
        send: (id, payload) => {
          const copy = payload.slice();
          swarm.queue.push(() => this.other?.receive(id, copy));
        },
        dontHave: () => {},
        disconnect: (reason) => this.faults.push(reason),
        disabled: (_name, error) => this.faults.push(error),
      },
      {},
      attached,
    );
  }

  /** Where the other side listens, as far as this one knows. */
  get dialable(): Endpoint | undefined {
    const far = this.other?.node;
    if (far === undefined) return undefined;
    return this.outgoing || !far.options.hidden ? far.endpoint : undefined;
  }

  /** Endpoints that the other side has told of and not taken back. */
  get picture(): Set<string> {
    const picture = new Set<string>();
    for (const { message } of this.heard) {
      for (const peer of message.dropped) picture.delete(formatEndpoint(peer));
      for (const peer of message.added) picture.add(formatEndpoint(peer));
    }
    return picture;
  }

  receive(id: number, payload: Uint8Array): void {
    if (id === OWN_ID) {
      const at = this.node.swarm.now;
      this.heard.push({ at, bytes: payload, message: decodePex(payload) });
    }
    this.session.receive(id, payload);
  }
}

/** One client in the swarm. */
export class Node {
  readonly swarm: Swarm;
  readonly endpoint: Endpoint;
  readonly options: NodeOptions;
  readonly ends: Set<End> = new Set();
  readonly found: FoundPeer[] = [];
  readonly part: TorrentExtension | undefined;
  isPrivate: boolean;

  constructor(swarm: Swarm, endpoint: Endpoint, options: NodeOptions) {
    this.swarm = swarm;
    this.endpoint = endpoint;
    this.options = options;
    this.isPrivate = options.isPrivate ?? false;
    const { mute, extension = pexExtension() } = options;
    this.part = mute ? undefined : extension.attach(this.#torrent());
  }

  /** Keys of those that others can be told of. */
  get connected(): Set<string> {
    const keys = new Set<string>();
    for (const { dialable } of this.ends) if (dialable) keys.add(formatEndpoint(dialable));
    return keys;
  }

  endTo(other: Node): End | undefined {
    return [...this.ends].find((end) => end.other?.node === other);
  }

  #torrent(): ExtensionTorrent {
    const { swarm, ends, options, found } = this;
    const isPrivate = (): boolean => this.isPrivate;
    return {
      infoHash: new Uint8Array(20),
      get isPrivate() {
        return isPrivate();
      },
      rng: createRng(1),
      now: () => swarm.now,
      alarm: (ring) => swarm.deadlines.alarm(ring),
      peers: () => [...ends].map(swarmPeer),
      addPeers: (peers) => {
        found.push(...peers);
        options.found?.(peers);
      },
      punch: () => {},
      metadata: () => undefined,
      metadataArrived: () => false,
    };
  }
}

/** All nodes, their connections and their time. */
export class Swarm {
  readonly deadlines: Deadlines = new Deadlines();
  readonly queue: (() => void)[] = [];
  readonly nodes: Node[] = [];
  now = 0;
  nextId = 1;

  /** @param endpoint A public address by default, another for each node. */
  add(options: NodeOptions = {}, endpoint?: Endpoint): Node {
    const i = this.nodes.length;
    const at = endpoint ?? { address: `20.0.${i >> 8}.${i & 255}`, port: 6881 };
    const node = new Node(this, at, options);
    this.nodes.push(node);
    return node;
  }

  /** Connects two, unless they are; `a` dials. */
  connect(a: Node, b: Node): void {
    if (a === b || a.endTo(b) !== undefined) return;
    const near = new End(a, true, b.endpoint);
    const far = new End(b, false, { address: a.endpoint.address, port: 40_000 + this.nextId });
    near.other = far;
    far.other = near;
    a.ends.add(near);
    b.ends.add(far);
    near.session.start();
    far.session.start();
  }

  disconnect(a: Node, b: Node): void {
    const near = a.endTo(b);
    const far = near?.other;
    if (near === undefined || far === undefined) return;
    for (const end of [near, far]) {
      end.other = undefined;
      end.node.ends.delete(end);
      end.session.close();
    }
  }

  /** Lets that much time pass. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      for (let task = this.queue.shift(); task; task = this.queue.shift()) task();
      const next = this.deadlines.nextDeadline();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.deadlines.advance(this.now);
    }
    this.now = end;
  }
}

function swarmPeer(end: End): SwarmPeer {
  return {
    id: end.id,
    remote: end.remote,
    dialable: end.dialable,
    transport: "tcp",
    outgoing: end.outgoing,
    encrypted: false,
    uploadOnly: end.other?.node.options.uploadOnly ?? false,
    supports: (name) => end.session.theirs?.messages.has(name) ?? false,
  };
}
