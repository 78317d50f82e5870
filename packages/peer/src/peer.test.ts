import {
  Bitfield,
  BLOCK_SIZE,
  type BlockIndex,
  blockIndex,
  type Duplex,
  type DuplexHandler,
  endpoint,
  errorCode,
  PieceGeometry,
  type PieceIndex,
  pieceIndex,
} from "@shoal/core";
import { MessageDecoder, MessageEncoder, type MessageHandler } from "@shoal/wire";
import { beforeEach, describe, expect, it } from "vitest";
import { NO_SLOT, type PeerHost, type PeerView, type Picked } from "./host.ts";
import { SNUB_MS } from "./limits.ts";
import { PAUSE_DISK, Peer } from "./peer.ts";

const PIECES = 4;
const BLOCKS = 4;

/** A stream whose other end is this test. */
class FakeDuplex implements Duplex {
  readonly kind = "fake";
  readonly remote = endpoint("192.0.2.1", 6881);
  readonly local = endpoint("192.0.2.2", 6881);
  written: Uint8Array[] = [];
  writes = 0;
  total = 0;
  paused = false;
  destroyed = false;
  attach(_handler: DuplexHandler): void {}
  write(chunks: readonly Uint8Array[]): void {
    this.writes++;
    for (const chunk of chunks) {
      this.written.push(chunk);
      this.total += chunk.length;
    }
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
}

/** The swarm as a record of calls; picks blocks in order and keeps them in an array of slots. */
class FakeHost implements PeerHost {
  geometry = new PieceGeometry(PIECES * BLOCKS * BLOCK_SIZE, BLOCKS * BLOCK_SIZE);
  hasMetadata = true;
  readonly log: string[] = [];
  readonly have = new Bitfield(PIECES);
  readonly pins = new Map<number, number>();
  readonly awake = new Set<PeerView>();
  dhtPort: number | undefined;
  time = 0;
  nextBlock = 0;
  pickLimit = Number.POSITIVE_INFINITY;
  cached = true;
  memory = new Map<number, Uint8Array>();
  unpaid = 0;
  readonly sink: PeerHost["sink"] = {
    pick: (_peer, count) => this.#pick(count),
    blockBegins: (_peer, piece, block) => {
      this.log.push(`begins ${piece}:${block}`);
      const slot = piece * BLOCKS + block;
      this.memory.set(slot, new Uint8Array(BLOCK_SIZE));
      return slot;
    },
    blockBytes: (slot, offset, chunk, start, end) =>
      this.memory.get(slot)?.set(chunk.subarray(start, end), offset),
    blockEnds: (_peer, piece, block) => void this.log.push(`ends ${piece}:${block}`),
    blockTorn: (slot) => void this.log.push(`torn ${slot}`),
    requestLost: (_peer, piece, block) => void this.log.push(`lost ${piece}:${block}`),
    payDownload: () => this.unpaid,
  };
  readonly source: PeerHost["source"] = {
    hasPiece: (piece) => this.have.has(piece),
    pin: (_peer, piece, block) => {
      if (!this.cached) return NO_SLOT;
      const slot = piece * BLOCKS + block;
      this.pins.set(slot, (this.pins.get(slot) ?? 0) + 1);
      return slot;
    },
    prefetch: (_peer, piece, block) => void this.log.push(`prefetch ${piece}:${block}`),
    view: (slot, start, end) => new Uint8Array(end - start).fill(slot),
    unpin: (slot) => void this.pins.set(slot, (this.pins.get(slot) ?? 0) - 1),
    sent: () => this.unpaid,
    payUpload: () => this.unpaid,
  };
  now(): number {
    return this.time;
  }
  wake(peer: Peer): void {
    this.awake.add(peer);
  }
  dhtNode(_peer: PeerView, port: number): void {
    this.log.push(`dht ${port}`);
  }
  piecesKnown(peer: Peer): void {
    this.log.push(`known ${peer.have.count}`);
  }
  gained(_peer: Peer, piece: PieceIndex): void {
    this.log.push(`gained ${piece}`);
  }
  lost(_peer: Peer, piece: PieceIndex): void {
    this.log.push(`lost piece ${piece}`);
  }
  interestChanged(peer: Peer): void {
    this.log.push(`interested ${peer.upload.interested}`);
  }
  chokeChanged(peer: Peer): void {
    this.log.push(`choked ${peer.download.choked}`);
  }
  ranDry(): void {
    this.log.push("dry");
  }
  rateLimited(): void {
    this.log.push("rate limited");
  }
  peerClosed(_peer: Peer, error: Error | undefined): void {
    this.log.push(`closed ${error === undefined ? "in order" : errorCode(error)}`);
  }
  get totalPins(): number {
    return [...this.pins.values()].reduce((sum, count) => sum + count, 0);
  }
  #pick(count: number): Picked {
    const room = Math.min(count, this.pickLimit, PIECES * BLOCKS - this.nextBlock);
    const first = this.nextBlock;
    this.nextBlock += room;
    return {
      length: room,
      piece: (i): PieceIndex => pieceIndex(Math.floor((first + i) / BLOCKS)),
      block: (i): BlockIndex => blockIndex((first + i) % BLOCKS),
    };
  }
}

/** What the peer wrote, as text: `request 0:0+16384`. */
function said(duplex: FakeDuplex): string[] {
  const out: string[] = [];
  const names = (
    "keepAlive choke unchoke interested notInterested have bitfield request cancel reject " +
    "pieceStart pieceEnd port suggest haveAll haveNone allowedFast extended hashRequest hashes " +
    "hashReject unknown"
  ).split(" ");
  const handler: Record<string, unknown> = { pieceData: () => {} };
  for (const name of names) {
    handler[name] = (...args: unknown[]) => {
      if (name !== "pieceEnd") out.push([name, ...args.map(String)].join(" "));
    };
  }
  const decoder = new MessageDecoder(handler as unknown as MessageHandler);
  for (const chunk of duplex.written) decoder.receive(chunk);
  duplex.written = [];
  return out;
}

describe("Peer", () => {
  let host: FakeHost;
  let duplex: FakeDuplex;
  let peer: Peer;

  const make = (fast: boolean, dht = false): void => {
    host = new FakeHost();
    host.dhtPort = dht ? 6881 : undefined;
    duplex = new FakeDuplex();
    peer = new Peer({
      id: 1,
      duplex,
      incoming: false,
      handshake: {
        infoHash: new Uint8Array(20),
        peerId: new Uint8Array(20),
        features: { fast, extended: false, dht, v2: false },
      },
      handshakeBytes: 68,
      host,
    });
    duplex.attach(peer);
  };

  const send = (write: (messages: MessageEncoder) => void): void => {
    const encoder = new MessageEncoder();
    write(encoder);
    for (const chunk of encoder.take()) peer.received(chunk);
  };

  const block = (piece: number, index: number): Uint8Array =>
    new Uint8Array(BLOCK_SIZE).fill(piece * BLOCKS + index + 1);

  /** The remote has everything and serves us; we want it. */
  const beginDownload = (): void => {
    peer.start(host.have, []);
    peer.setInterested(true);
    send((to) => {
      if (peer.fast) to.haveAll();
      else to.bitfield(Uint8Array.of(0xf0));
      to.unchoke();
    });
  };

  beforeEach(() => make(true));

  describe("start", () => {
    it("says have all, have none or a bitfield, with BEP 6", () => {
      peer.start(host.have, []);
      expect(said(duplex)).toEqual(["haveNone"]);
      make(true);
      host.have.fill();
      peer.start(host.have, []);
      expect(said(duplex)).toEqual(["haveAll"]);
      make(true);
      host.have.add(1);
      peer.start(host.have, [2]);
      expect(said(duplex)).toEqual(["bitfield 64", "allowedFast 2"]);
    });

    it("says only what BEP 3 knows, without BEP 6", () => {
      make(false);
      peer.start(host.have, [2]);
      expect(said(duplex)).toEqual([]);
    });
  });

  it("tells its DHT port to remotes that have one, and hears theirs (BEP 5)", () => {
    make(true, true);
    peer.start(host.have, []);
    expect(said(duplex)).toEqual(["haveNone", "port 6881"]);
    send((to) => to.port(7000));
    expect(host.log).toEqual(["dht 7000"]);
  });

  describe("the remote's pieces", () => {
    it("are known after bitfield, have all, have none, or the first have", () => {
      send((to) => to.haveAll());
      expect(host.log).toEqual([`known ${PIECES}`]);
      make(false);
      send((to) => to.have(2));
      expect(host.log).toEqual(["known 0", "gained 2"]);
    });

    it.each([
      [
        "have none after have all",
        (to: MessageEncoder) => {
          to.haveAll();
          to.haveNone();
        },
      ],
      ["a bitfield of the wrong size", (to: MessageEncoder) => to.bitfield(new Uint8Array(2))],
      ["a bitfield with spare bits", (to: MessageEncoder) => to.bitfield(Uint8Array.of(1))],
      ["have for no piece", (to: MessageEncoder) => to.have(PIECES)],
      ["a block that is none", (to: MessageEncoder) => to.piece(0, 1, new Uint8Array(5))],
    ])("%s ends the connection", (_name, write) => {
      send(write);
      expect(duplex.destroyed).toBe(true);
      expect(host.log.at(-1)).toMatch(/closed ERR_(PEER_PROTOCOL|WIRE)/);
    });

    it("grow by a late bitfield, as aria2 sends it", () => {
      send((to) => {
        to.haveNone();
        to.have(0);
        to.bitfield(Uint8Array.of(0xc0));
      });
      expect(host.log).toEqual(["known 0", "gained 0", "gained 1"]);
    });

    it("Fast messages without BEP 6 in the handshake end the connection", () => {
      make(false);
      send((to) => to.haveAll());
      expect(host.log).toEqual(["closed ERR_PEER_PROTOCOL"]);
    });

    it("can be withdrawn (BEP 54)", () => {
      send((to) => to.haveAll());
      peer.lost(1);
      peer.lost(1);
      peer.lost(99);
      expect(host.log).toEqual([`known ${PIECES}`, "lost piece 1"]);
    });
  });

  describe("download", () => {
    it("requests ahead, receives into slots at any split, and keeps the pipeline full", () => {
      beginDownload();
      expect(said(duplex)).toEqual([
        "haveNone",
        "interested",
        ...[0, 1, 2, 3].map((i) => `request 0 ${i * BLOCK_SIZE} ${BLOCK_SIZE}`),
      ]);
      const encoder = new MessageEncoder();
      encoder.piece(0, 0, block(0, 0));
      for (const chunk of encoder.take()) {
        for (let at = 0; at < chunk.length; at += 1000) {
          peer.received(chunk.subarray(at, at + 1000));
        }
      }
      expect(host.log.slice(-2)).toEqual(["begins 0:0", "ends 0:0"]);
      expect(host.memory.get(0)).toEqual(block(0, 0));
      // Slow start: one answered, two more asked for.
      expect(said(duplex)).toEqual([
        `request 1 0 ${BLOCK_SIZE}`,
        `request 1 ${BLOCK_SIZE} ${BLOCK_SIZE}`,
      ]);
      expect(peer.download.outstanding).toBe(5);
    });

    it("drops blocks that were not requested and ends the connection when they don't stop", () => {
      peer.start(host.have, []);
      for (let i = 0; i < 1024 && !peer.isClosed; i++) {
        send((to) => to.piece(3, 0, block(3, 0)));
      }
      expect(peer.isClosed).toBe(false);
      expect(peer.download.redundantBytes).toBe(1024 * BLOCK_SIZE);
      send((to) => to.piece(3, 0, block(3, 0)));
      expect(host.log).toEqual(["closed ERR_PEER_FLOOD"]);
    });

    it("gives requests back when choked without BEP 6, and waits for rejects with it", () => {
      make(false);
      beginDownload();
      send((to) => to.choke());
      expect(host.log.filter((line) => line.startsWith("lost"))).toHaveLength(4);
      make(true);
      beginDownload();
      send((to) => to.choke());
      expect(host.log.filter((line) => line.startsWith("lost"))).toEqual([]);
      send((to) => to.reject(0, 0, BLOCK_SIZE));
      expect(host.log.filter((line) => line.startsWith("lost"))).toEqual(["lost 0:0"]);
      expect(peer.download.outstanding).toBe(3);
    });

    it("asks for allowed-fast pieces while choked (BEP 6)", () => {
      peer.start(host.have, []);
      peer.setInterested(true);
      send((to) => {
        to.haveAll();
        to.allowedFast(0);
      });
      expect(said(duplex).filter((line) => line.startsWith("request"))).toHaveLength(4);
      expect(peer.download.choked).toBe(true);
    });

    it("snubs a peer that owes blocks for 20 s, still takes what comes late, and forgives", () => {
      beginDownload();
      host.time = SNUB_MS + 1;
      host.nextBlock = PIECES * BLOCKS;
      peer.tick(host.time);
      expect(peer.snubbed).toBe(true);
      expect(peer.download.outstanding).toBe(0);
      expect(host.log.filter((line) => line.startsWith("lost"))).toHaveLength(4);
      send((to) => to.piece(0, 0, block(0, 0)));
      expect(host.log).toContain("ends 0:0");
      expect(peer.snubbed).toBe(false);
    });

    it("gives back the torn block and every request when the stream ends", () => {
      beginDownload();
      const encoder = new MessageEncoder();
      encoder.piece(0, 0, block(0, 0));
      for (const chunk of encoder.take()) peer.received(chunk.subarray(0, 5000));
      peer.closed(undefined);
      expect(host.log.slice(-6)).toEqual([
        "torn 0",
        "lost 0:1",
        "lost 0:2",
        "lost 0:3",
        "lost 1:0",
        "closed in order",
      ]);
      peer.received(Uint8Array.of(0, 0, 0, 1, 0));
      expect(host.log.at(-1)).toBe("closed in order");
    });

    it("reports an idle peer that has nothing for us", () => {
      host.pickLimit = 0;
      beginDownload();
      expect(host.log).toContain("dry");
    });

    it("cancels what another peer delivered; without BEP 6 no answer is awaited", () => {
      make(false);
      beginDownload();
      peer.cancel(pieceIndex(0), 1);
      peer.turnEnded();
      expect(said(duplex)).toContain(`cancel 0 ${BLOCK_SIZE} ${BLOCK_SIZE}`);
    });

    it("is read no more while the disk is behind or the rate limit is exceeded", () => {
      beginDownload();
      host.unpaid = 1;
      send((to) => to.piece(0, 0, block(0, 0)));
      expect(duplex.paused).toBe(true);
      peer.pause(PAUSE_DISK);
      host.unpaid = 0;
      peer.payDebt(host.time);
      expect(duplex.paused).toBe(true);
      peer.resume(PAUSE_DISK);
      expect(duplex.paused).toBe(false);
    });
  });

  describe("upload", () => {
    beforeEach(() => {
      host.have.add(0);
      peer.start(host.have, []);
      said(duplex);
    });

    const request = (piece: number, begin: number, length: number): void =>
      send((to) => to.request(piece, begin, length));

    it("rejects requests of choked peers, for missing pieces and for nonsense", () => {
      request(0, 0, BLOCK_SIZE);
      peer.setChoking(false);
      request(1, 0, BLOCK_SIZE);
      request(0, BLOCKS * BLOCK_SIZE - 1, 2);
      request(0, 0, BLOCK_SIZE + 1);
      expect(said(duplex).map((line) => line.split(" ")[0])).toEqual([
        "reject",
        "unchoke",
        "reject",
        "reject",
        "reject",
      ]);
    });

    it("ends the connection after too many of them", () => {
      for (let i = 0; i <= 300; i++) request(1, 0, BLOCK_SIZE);
      expect(host.log).toEqual(["closed ERR_PEER_FLOOD"]);
    });

    it("serves aligned and unaligned requests, and unpins when the bytes have left", () => {
      peer.setChoking(false);
      request(0, 0, BLOCK_SIZE);
      request(0, BLOCK_SIZE - 10, 20);
      expect(said(duplex)).toEqual([
        "unchoke",
        `pieceStart 0 0 ${BLOCK_SIZE}`,
        `pieceStart 0 ${BLOCK_SIZE - 10} 20`,
      ]);
      expect(host.totalPins).toBe(3);
      peer.flushed(68 + duplex.total - 33);
      expect(host.totalPins).toBe(2);
      peer.flushed(68 + duplex.total);
      expect(host.totalPins).toBe(0);
      expect(peer.upload.meter.total).toBe(BLOCK_SIZE + 20);
    });

    it("waits for the disk, then goes on where it stopped", () => {
      peer.setChoking(false);
      host.cached = false;
      request(0, 0, BLOCK_SIZE);
      expect(peer.upload.waitsForDisk).toBe(true);
      host.cached = true;
      peer.blocksReady();
      expect(said(duplex)).toContain(`pieceStart 0 0 ${BLOCK_SIZE}`);
      expect(peer.upload.waitsForDisk).toBe(false);
    });

    it("has what is requested next read ahead of sending it", () => {
      peer.setChoking(false);
      host.have.fill();
      host.cached = false;
      send((to) => {
        for (let i = 0; i < 2 * BLOCKS; i++) {
          to.request(Math.floor(i / BLOCKS), (i % BLOCKS) * BLOCK_SIZE, BLOCK_SIZE);
        }
      });
      expect(host.log.slice(-2)).toEqual(["prefetch 0:0", "prefetch 1:0"]);
    });

    it("rejects what can't be read", () => {
      peer.setChoking(false);
      host.cached = false;
      request(0, 0, BLOCK_SIZE);
      peer.readFailed(pieceIndex(0));
      expect(said(duplex)).toContain(`reject 0 0 ${BLOCK_SIZE}`);
      expect(peer.upload.queueLength).toBe(0);
    });

    it("waits for the rate limit", () => {
      peer.setChoking(false);
      host.unpaid = 5;
      request(0, 0, BLOCK_SIZE);
      request(0, BLOCK_SIZE, BLOCK_SIZE);
      expect(peer.upload.waitsForRate).toBe(true);
      expect(host.log).toContain("rate limited");
      host.unpaid = 0;
      peer.turnEnded();
      expect(peer.upload.queueLength).toBe(0);
    });

    it("forgets what is cancelled, and refuses everything queued when it chokes", () => {
      peer.setChoking(false);
      host.cached = false;
      request(0, 0, BLOCK_SIZE);
      request(0, BLOCK_SIZE, BLOCK_SIZE);
      send((to) => to.cancel(0, 0, BLOCK_SIZE));
      expect(peer.upload.queueLength).toBe(1);
      peer.setChoking(true);
      peer.turnEnded();
      expect(said(duplex)).toEqual([
        "unchoke",
        `reject 0 0 ${BLOCK_SIZE}`,
        "choke",
        `reject 0 ${BLOCK_SIZE} ${BLOCK_SIZE}`,
      ]);
    });

    it("serves the allowed-fast set to a choked peer", () => {
      make(true);
      host.have.add(0);
      peer.start(host.have, [0]);
      request(0, 0, BLOCK_SIZE);
      expect(said(duplex)).toContain(`pieceStart 0 0 ${BLOCK_SIZE}`);
    });

    it("sends no more than it may have under way", () => {
      peer.setChoking(false);
      send((to) => {
        for (let i = 0; i < 100; i++) to.request(0, 0, BLOCK_SIZE);
      });
      expect(duplex.total).toBeLessThan(300 * 1024);
      const before = duplex.total;
      peer.flushed(68 + duplex.total);
      expect(duplex.total).toBeGreaterThan(before);
    });
  });

  describe("time", () => {
    it("ends a connection whose remote takes nothing of what we send, though it talks", () => {
      peer.setChoking(false);
      host.have.fill();
      send((to) => to.request(0, 0, BLOCK_SIZE));
      for (let i = 0; i <= 180; i++) {
        expect(host.log).not.toContain("closed ERR_PEER_TIMEOUT");
        send((to) => to.keepAlive());
        peer.tick(host.time);
        host.time += 1000;
      }
      peer.tick(host.time);
      expect(host.log).toContain("closed ERR_PEER_TIMEOUT");
      expect(host.totalPins).toBe(0);
    });

    it("does not mind how long we send, if only some of it leaves now and then", () => {
      peer.setChoking(false);
      host.have.fill();
      for (let i = 0; i < 100; i++) {
        send((to) => to.request(0, 0, BLOCK_SIZE));
        peer.flushed(68 + duplex.total - 100);
        host.time += 10_000;
        peer.tick(host.time);
      }
      expect(host.log).not.toContain("closed ERR_PEER_TIMEOUT");
    });

    it("does not expect to hear from whom it does not read", () => {
      peer.pause(PAUSE_DISK);
      for (let i = 0; i < 10; i++) {
        host.time += 60_000;
        peer.tick(host.time);
        peer.flushed(68 + duplex.total);
      }
      expect(duplex.destroyed).toBe(false);
      peer.resume(PAUSE_DISK);
      host.time += 100_000;
      peer.tick(host.time);
      expect(duplex.destroyed).toBe(false);
    });

    it("reads no more from whoever does not take our answers, until it has", () => {
      make(true);
      peer.start(host.have, []);
      host.have.fill();
      host.cached = false;
      peer.setChoking(false);
      for (let i = 0; i < 1_000_000 && !duplex.paused; i += 1000) {
        send((to) => {
          for (let j = 0; j < 1000; j++) {
            to.request(0, 0, BLOCK_SIZE);
            to.cancel(0, 0, BLOCK_SIZE);
          }
        });
      }
      expect(duplex.paused).toBe(true);
      expect(duplex.total).toBeLessThan(4.2 * 1024 * 1024);
      peer.flushed(68 + duplex.total - 2 * 1024 * 1024);
      expect(duplex.paused).toBe(true);
      peer.flushed(68 + duplex.total);
      expect(duplex.paused).toBe(false);
    });

    it("keeps the connection alive, and ends it when nothing comes for two minutes", () => {
      peer.start(host.have, []);
      said(duplex);
      host.time = 61_000;
      peer.tick(host.time);
      expect(said(duplex)).toEqual(["keepAlive"]);
      host.time = 131_000;
      peer.tick(host.time);
      expect(host.log).toEqual(["closed ERR_PEER_TIMEOUT"]);
    });
  });

  it("gathers messages of one turn into one write", () => {
    peer.start(host.have, []);
    const before = duplex.writes;
    for (let i = 0; i < PIECES; i++) peer.announce(pieceIndex(i));
    expect(host.awake.has(peer)).toBe(true);
    peer.turnEnded();
    expect(duplex.writes).toBe(before + 1);
    expect(said(duplex).slice(1)).toEqual(["have 0", "have 1", "have 2", "have 3"]);
  });
});
