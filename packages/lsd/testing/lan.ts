// A local network in memory, on virtual time: what one sends to a group, everybody gets.
import {
  createRng,
  Deadlines,
  type Endpoint,
  formatEndpoint,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
} from "@shoal/core";
import {
  createLsdSource,
  LSD_GROUPS,
  type LsdAnnounce,
  type LsdHost,
  parseLsd,
} from "../src/index.ts";

/** A datagram that was sent. */
export interface Sent {
  readonly at: number;
  readonly from: Endpoint;
  readonly group: Endpoint;
  readonly bytes: Uint8Array;
  readonly announce: LsdAnnounce | undefined;
}

/** What may differ between hosts. */
export interface LanHostOptions {
  /** Addresses, one for each interface; sockets there join the group of the address's family. */
  readonly addresses?: readonly string[];
  readonly port?: number;
  readonly intervalMs?: number;
  /** In place of sockets on the network. */
  readonly open?: LsdHost["open"];
  /** Addresses beginning with this belong to the network of every interface. */
  readonly onLink?: string;
}

type Receive = (bytes: Uint8Array, from: Endpoint) => void;

/** The network and its time. */
export class Lan {
  readonly deadlines: Deadlines = new Deadlines();
  readonly sent: Sent[] = [];
  readonly members: Set<{ readonly group: string; receive: Receive | undefined }> = new Set();
  now = 0;
  #hosts = 0;

  /** Another host with local discovery. */
  add(options: LanHostOptions = {}): LanHost {
    return new LanHost(this, ++this.#hosts, options);
  }

  /** Sends to everybody in a group, the sender included. */
  send(bytes: Uint8Array, from: Endpoint, group: Endpoint): void {
    this.sent.push({ at: this.now, from, group, bytes, announce: parseLsd(bytes) });
    for (const member of this.members) {
      if (member.group === formatEndpoint(group)) member.receive?.(bytes, from);
    }
  }

  /** Lets that much time pass, and every promise settle. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const next = this.deadlines.nextDeadline();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.deadlines.advance(this.now);
      await settle();
    }
    this.now = end;
  }
}

/** A host with local discovery. */
export class LanHost {
  readonly source: PeerSource;
  readonly addresses: readonly string[];
  /** Live, as sessions give it. */
  port: number;
  opens = 0;
  closed = 0;

  constructor(lan: Lan, id: number, options: LanHostOptions) {
    this.addresses = options.addresses ?? [`10.0.0.${id}`];
    this.port = options.port ?? 6880 + id;
    const { intervalMs, onLink } = options;
    const random = createRng(id);
    this.source = createLsdSource(
      {
        clock: { now: () => lan.now },
        deadlines: lan.deadlines,
        rng: random,
        entropy: (size) => Uint8Array.from({ length: size }, () => Math.floor(random() * 256)),
        listenPort: () => this.port,
        open: async () => {
          this.opens++;
          if (options.open) return options.open();
          return this.addresses.map((address) => ({
            ...this.#socket(lan, address),
            ...(onLink ? { isOnLink: (other: string) => other.startsWith(onLink) } : {}),
          }));
        },
      },
      intervalMs === undefined ? {} : { intervalMs },
    );
  }

  /** Adds a torrent. */
  join(id: number, isPrivate = false): Joined {
    return new Joined(this.source, id, isPrivate);
  }

  #socket(lan: Lan, address: string): Awaited<ReturnType<LsdHost["open"]>>[number] {
    const group = LSD_GROUPS[address.includes(":") ? 6 : 4];
    const local = { address, port: 6771 };
    const member = { group: formatEndpoint(group), receive: undefined as Receive | undefined };
    lan.members.add(member);
    return {
      group,
      datagrams: {
        local,
        attach: (receive) => {
          member.receive = receive;
        },
        send: (bytes, to) => lan.send(bytes, local, to),
        close: async () => {
          this.closed++;
          lan.members.delete(member);
        },
      },
    };
  }
}

/** A torrent that listens to a source. */
export class Joined {
  readonly infoHash: string;
  readonly feed: PeerFeed;
  readonly found: Endpoint[] = [];
  readonly warnings: Error[] = [];

  constructor(source: PeerSource, id: number, isPrivate: boolean) {
    const bytes = Uint8Array.from({ length: 20 }, (_, i) => (i < 18 ? 0 : id >> (8 * (19 - i))));
    this.infoHash = Buffer.from(bytes).toString("hex");
    const facts: SwarmFacts = {
      infoHash: bytes,
      peerId: new Uint8Array(20),
      isPrivate,
      trackers: [],
      transfer: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
      found: (peers) => this.found.push(...peers),
      warn: (error) => this.warnings.push(error),
    };
    this.feed = source.open(facts);
  }

  /** What it found, without repetitions. */
  get peers(): string[] {
    return [...new Set(this.found.map(formatEndpoint))];
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
