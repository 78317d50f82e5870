// What every wire extension must do.
import assert from "node:assert/strict";
import { createRng, Deadlines } from "@shoal/core";
import {
  type AttachedExtension,
  ExtensionSession,
  type ExtensionTorrent,
  type TorrentExtension,
  type WireExtension,
} from "@shoal/wire";
import type { ComplianceCase } from "./case.ts";

/** The suite for extensions; `make` gives a fresh one for each case. */
export function extensionCompliance(make: () => WireExtension): ComplianceCase[] {
  return Object.entries(REQUIREMENTS).map(([name, require]) => ({
    name,
    run: async () => require(make),
  }));
}

const HOUR_MS = 3_600_000;

const REQUIREMENTS: Readonly<Record<string, (make: () => WireExtension) => void>> = {
  "has a name of its own": (make) => {
    assert.match(make().name, /^[\w.-]+$/);
    assert.notEqual(make().name, "upload_only");
  },

  "joins torrents apart, public and private, or stays out of them": (make) => {
    const extension = make();
    for (const isPrivate of [false, true]) {
      for (const id of [1, 2]) new Side(extension, id, isPrivate).close();
    }
  },

  "talks to itself without a fault and comes to an end": (make) => {
    const [a, b] = [new Side(make(), 1), new Side(make(), 2)];
    const [near, far] = [a.connect(), b.connect()];
    const messages = converse(a, b, near, far);
    assert.ok(messages < MANY, "the two never stop talking");
    assert.deepEqual([...a.faults, ...b.faults], []);
  },

  "sends nothing to those who don't have it": (make) => {
    const side = new Side(make(), 1);
    const link = side.connect();
    link.session.receive(0, Buffer.from("d1:mdee"));
    side.pass(HOUR_MS);
    assert.deepEqual(
      link.sent.filter(([id]) => id !== 0),
      [],
    );
    assert.deepEqual(side.faults, []);
  },

  "lets no nonsense of one peer out to others": (make) => {
    const side = new Side(make(), 1);
    const rng = createRng(1);
    const good = side.connect();
    for (let i = 0; i < 200; i++) {
      const bad = side.connect();
      bad.session.receive(0, theirHandshake(side.name));
      const nonsense = Uint8Array.from({ length: i }, () => Math.floor(rng() * 256));
      const payloads = [nonsense, Buffer.from("d1:ai1e"), Buffer.from("le"), Buffer.from("i0e")];
      for (const payload of payloads) bad.session.receive(OWN_ID, payload);
      assert.ok(bad.sent.length < MANY, "nonsense is answered at length");
      bad.session.close();
    }
    side.pass(HOUR_MS);
    assert.ok(!side.faults.includes(`${good.id}`), "a fault of one connection disabled another");
  },

  "takes handshakes again, with and without its name": (make) => {
    const side = new Side(make(), 1);
    const link = side.connect();
    for (let i = 0; i < 5; i++) {
      link.session.receive(0, theirHandshake(side.name));
      link.session.receive(0, Buffer.from("d1:mdee"));
      link.session.receive(0, theirHandshake(side.name, 0));
    }
    assert.deepEqual(side.faults, []);
  },

  "sends nothing on a connection that is over": (make) => {
    const side = new Side(make(), 1);
    const link = side.connect();
    link.session.receive(0, theirHandshake(side.name));
    link.session.close();
    const sent = link.sent.length;
    side.part?.pieceLost?.(0);
    side.part?.dialFailed?.({ address: "192.0.2.1", port: 1 }, link.id);
    side.pass(HOUR_MS);
    assert.equal(link.sent.length, sent);
  },

  "leaves no alarm when its torrent goes": (make) => {
    const side = new Side(make(), 1);
    const link = side.connect();
    link.session.receive(0, theirHandshake(side.name));
    side.pass(60_000);
    link.session.close();
    side.close();
    assert.equal(side.deadlines.size, 0);
  },
};

/** Our id of the only extension: 1 is `upload_only`. */
const OWN_ID = 2;
/** More messages than any extension needs at a stretch. */
const MANY = 1000;

interface Link {
  readonly id: number;
  readonly session: ExtensionSession;
  readonly sent: (readonly [id: number, payload: Uint8Array])[];
}

/** A torrent with the extension, on a clock of its own. */
class Side {
  readonly name: string;
  readonly deadlines: Deadlines = new Deadlines();
  readonly part: TorrentExtension | undefined;
  /** Connections on which the extension threw, and demands to disconnect. */
  readonly faults: string[] = [];
  #now = 0;
  #nextId = 1;

  constructor(extension: WireExtension, seed: number, isPrivate = false) {
    this.name = extension.name;
    const torrent: ExtensionTorrent = {
      infoHash: new Uint8Array(20).fill(seed),
      isPrivate,
      rng: createRng(seed),
      now: () => this.#now,
      alarm: (ring) => this.deadlines.alarm(ring),
      peers: () => [],
      addPeers: () => {},
      punch: () => {},
      metadata: () => undefined,
      metadataArrived: () => false,
    };
    this.part = extension.attach(torrent);
  }

  /** Opens a connection and sends our handshake on it. */
  connect(): Link {
    const id = this.#nextId++;
    const sent: [number, Uint8Array][] = [];
    const attached: AttachedExtension[] =
      this.part === undefined ? [] : [{ name: this.name, extension: this.part }];
    const session = new ExtensionSession(
      {
        id,
        remote: { address: "192.0.2.1", port: id },
        backlog: 0,
        send: (message, payload) => sent.push([message, payload.slice()]),
        dontHave: () => {},
        disconnect: () => this.faults.push(`${id}`),
        disabled: () => this.faults.push(`${id}`),
      },
      {},
      attached,
    );
    session.start();
    return { id, session, sent };
  }

  /** Rings what is due within that time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let i = 0; i < MANY; i++) {
      const next = this.deadlines.nextDeadline();
      if (next === undefined || next > end) break;
      this.#now = Math.max(next, this.#now);
      this.deadlines.advance(this.#now);
    }
    this.#now = end;
  }

  close(): void {
    this.part?.close?.();
  }
}

/** Carries messages between two connections until both are silent. @returns how many there were. */
function converse(a: Side, b: Side, near: Link, far: Link): number {
  let carried = 0;
  for (let minute = 0; minute < 10; minute++) {
    while (carried < MANY && near.sent.length + far.sent.length > 0) {
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        const message = from.sent.shift();
        if (message === undefined) continue;
        to.session.receive(...message);
        carried++;
      }
    }
    a.pass(60_000);
    b.pass(60_000);
  }
  return carried;
}

function theirHandshake(name: string, id = 9): Uint8Array {
  return Buffer.from(`d1:md${name.length}:${name}i${id}eee`);
}
