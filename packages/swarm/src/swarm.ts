// The connections of one torrent: dialling, accepting, interest, ticks, and who is told what.
import {
  type Duplex,
  type Endpoint,
  errorCode,
  type PieceGeometry,
  type PieceIndex,
} from "@shoal/core";
import {
  type BlockSink,
  type BlockSource,
  PAUSE_DISK,
  Peer,
  PeerError,
  type PeerHost,
  type PeerView,
} from "@shoal/peer";
import type { KnownPeer, PeerList, PeerOrigin } from "@shoal/policy";
import type { Handshake } from "@shoal/wire";
import { allowedFastFor } from "./allowed-fast.ts";
import { Company } from "./company.ts";
import { Connection } from "./connection.ts";
import { otherDirection, surplus } from "./doubles.ts";
import type { Extensions } from "./extensions.ts";
import type { SwarmContent, SwarmHost, SwarmSession } from "./host.ts";

const TICK_MS = 1000;

const NOBODY: ReadonlyMap<number, Connection> = new Map();

/** Everybody whom one torrent is connected with. */
export class Swarm implements PeerHost {
  readonly #host: SwarmHost;
  readonly #session: SwarmSession;
  readonly #extensions: Extensions;
  #content: SwarmContent;
  #known: Company | undefined;

  constructor(
    host: SwarmHost,
    session: SwarmSession,
    content: SwarmContent,
    extensions: Extensions,
  ) {
    this.#host = host;
    this.#session = session;
    this.#content = content;
    this.#extensions = extensions;
  }

  /** The torrent's pieces are known now: they are transferred from then on. */
  use(content: SwarmContent): void {
    this.#content = content;
    for (const { peer } of this.connections.values()) peer.piecesLearned();
  }

  get geometry(): PieceGeometry {
    return this.#content.geometry;
  }

  get hasMetadata(): boolean {
    return this.#content.hasMetadata;
  }

  get sink(): BlockSink {
    return this.#content;
  }

  get source(): BlockSource {
    return this.#content;
  }

  /** By peer id. */
  get connections(): ReadonlyMap<number, Connection> {
    return this.#known?.connections ?? NOBODY;
  }

  /** Those that are known, connected or not. */
  get list(): PeerList {
    return this.#company.list;
  }

  /** How many are known, and how many banned, without making room for any. */
  get census(): { readonly known: number; readonly banned: number } {
    const list = this.#known?.list;
    return { known: list?.size ?? 0, banned: [...(list?.bannedAddresses ?? [])].length };
  }

  /** Connections that are made or being made. */
  get size(): number {
    return this.connections.size + (this.#known?.dialer.size ?? 0);
  }

  /** Peers were found: remembers them and dials as many as there is room for. */
  found(peers: Iterable<Endpoint>, origin: PeerOrigin): void {
    for (const endpoint of peers) {
      if (!this.#session.blocks(endpoint.address)) this.list.add(endpoint, origin);
    }
    this.dialMore();
  }

  /** Dials candidates while limits allow. */
  dialMore(): void {
    if (!this.#host.isActive || this.#known === undefined) return;
    const { list, dialer } = this.#known;
    const now = this.#session.clock.now();
    const finished = this.#content.isFinished;
    const { budget } = this.#session;
    while (this.size < budget.perTorrent && budget.canDial(now)) {
      const known = list.next(now, { finished });
      if (known === undefined || !budget.tryDial(this.size, now)) break;
      dialer.dial(known);
    }
    this.#armTick(now);
  }

  /**
   * Takes a connection whose handshakes are exchanged.
   *
   * @returns its owner, attached; undefined if there is no room or the peer is banned.
   */
  accept(duplex: Duplex, theirs: Handshake, handshakeBytes: number): Peer | undefined {
    if (!this.#host.isActive || this.#session.blocks(duplex.remote.address)) return undefined;
    if (!this.#session.budget.tryAccept(this.size)) return undefined;
    const known = this.list.incoming(duplex.remote, this.#session.clock.now());
    if (known === undefined) {
      this.#session.budget.closed();
      return undefined;
    }
    return this.#join(known, duplex, theirs, handshakeBytes, true);
  }

  /** Ends every connection and attempt. */
  disconnectAll(error?: Error): void {
    this.#known?.dialer.cancelAll();
    for (const { peer } of this.connections.values()) peer.close(error);
    this.#known?.tick.clear();
    this.#known?.rateTick.clear();
  }

  /** Bans an entry of the peer list and ends its connections. @returns what it was known as. */
  ban(slot: number, error: Error): KnownPeer | undefined {
    const known = this.#known?.list.bySlot(slot);
    if (known === undefined) return undefined;
    const banned = new Set(this.list.ban(known));
    for (const connection of this.connections.values()) {
      if (banned.has(connection.known)) connection.peer.close(error);
    }
    return known;
  }

  /** A piece was stored: everybody is told. */
  announce(piece: PieceIndex): void {
    for (const { peer } of this.connections.values()) peer.announce(piece);
  }

  /** What we want has changed: interest is judged anew, idle peers ask for blocks. */
  reviewInterest(): void {
    for (const connection of this.connections.values()) {
      connection.peer.setInterested(this.#content.picker.isInteresting(connection));
      if (this.#isRedundant(connection)) this.#closeRedundant(connection);
      else this.wake(connection.peer);
    }
  }

  /** Blocks can be asked for that could not before: peers with nothing to do are asked for them. */
  wakeIdle(): void {
    for (const { peer } of this.connections.values()) {
      if (peer.download.interested && peer.download.outstanding === 0) this.wake(peer);
    }
  }

  /** Uploads that waited for blocks of this piece, or for any, go on. */
  blocksRead(): void {
    for (const { peer } of this.connections.values()) {
      if (peer.upload.waitsForDisk) peer.blocksReady();
    }
  }

  readFailed(piece: PieceIndex): void {
    for (const { peer } of this.connections.values()) peer.readFailed(piece);
  }

  /** Stops or resumes reading from all peers: the disk is behind. */
  setCongested(congested: boolean): void {
    for (const { peer } of this.connections.values()) {
      if (congested) peer.pause(PAUSE_DISK);
      else peer.resume(PAUSE_DISK);
    }
  }

  /** A number that no sender has. */
  freeId(): number {
    let id = this.connections.size;
    while (this.connections.has(id) || this.#host.isTaken(id)) id++;
    return id;
  }

  get handshake(): Handshake {
    return this.#host.handshake;
  }

  /** A peer said on which port it listens. */
  learned(peer: PeerView, listenPort: number | undefined): void {
    const connection = this.connections.get(peer.id);
    if (connection === undefined || !peer.incoming || listenPort === undefined) return;
    this.list.setListenPort(connection.known, listenPort);
    this.#keepOne(connection, listenPort);
  }

  // --- what peers tell and ask ---

  now(): number {
    return this.#session.clock.now();
  }

  wake(peer: PeerView): void {
    this.#company.awake.add(peer);
  }

  rateLimited(): void {
    this.#company.rateLimited(this.now());
  }

  piecesKnown(peer: PeerView): void {
    const connection = this.connections.get(peer.id);
    if (connection === undefined) return;
    this.#content.picker.peerBitfield(connection);
    this.#judge(connection);
  }

  gained(peer: PeerView, piece: PieceIndex): void {
    const connection = this.connections.get(peer.id);
    if (connection === undefined) return;
    this.#content.picker.peerHas(connection, piece);
    if (!peer.download.interested || peer.have.isFull) this.#judge(connection);
  }

  get dhtPort(): number | undefined {
    return this.#host.dht?.port || undefined;
  }

  dhtNode(peer: PeerView, port: number): void {
    const connection = this.connections.get(peer.id);
    if (connection === undefined || port === 0) return;
    this.#host.dht?.heardOf({ address: connection.peer.remote.address, port });
  }

  interestChanged(peer: PeerView): void {
    const connection = this.connections.get(peer.id);
    if (connection !== undefined) this.#session.slots.interestChanged(connection);
  }

  chokeChanged(): void {}

  lost(peer: PeerView, piece: PieceIndex): void {
    const connection = this.connections.get(peer.id);
    if (connection !== undefined) this.#content.picker.peerLost(connection, piece);
  }

  /** The peer found nothing to request: perhaps there is nothing left for us to want. */
  ranDry(peer: PeerView): void {
    const connection = this.connections.get(peer.id);
    if (connection !== undefined && peer.isKnown) this.#judge(connection);
  }

  peerClosed(peer: PeerView, error: Error | undefined): void {
    const connection = this.connections.get(peer.id);
    if (connection === undefined) return;
    this.#company.connections.delete(peer.id);
    this.#company.awake.delete(peer);
    this.#content.picker.peerGone(connection);
    connection.downloadLimit.cancel();
    connection.uploadLimit.cancel();
    this.#session.budget.closed();
    const useless = connection.downloaded === 0 && connection.uploaded === 0;
    if (errorCode(error) === "ERR_PEER_REDUNDANT") this.list.released(connection.known);
    else if (errorCode(error) === "ERR_PEER_DOUBLE") this.#left(connection.known, false);
    else this.#left(connection.known, useless || error instanceof PeerError);
    this.#host.disconnected(connection, error);
    this.#session.slots.closed(connection);
    this.wakeIdle();
    this.dialMore();
  }

  /** Made when the first peer is heard of or connects. */
  get #company(): Company {
    this.#known ??= new Company(this.#session, {
      handshake: this.handshake,
      isPrivate: this.#host.isPrivate,
      ready: (known, duplex, theirs, bytes) => this.#join(known, duplex, theirs, bytes, false),
      dialFailed: (known) => {
        // It may have dialled us from that very endpoint meanwhile.
        if (!known.connected) this.#left(known, true);
        this.dialMore();
      },
      ticked: (now) => this.#onTick(now),
    });
    return this.#known;
  }

  /** A dial or connection is over; when the torrent stops, that is nobody's fault. */
  #left(known: KnownPeer, failed: boolean): void {
    if (this.#host.isActive) this.list.disconnected(known, this.now(), { failed });
    else this.list.released(known);
  }

  #join(
    known: KnownPeer,
    duplex: Duplex,
    theirs: Handshake,
    handshakeBytes: number,
    incoming: boolean,
  ): Peer {
    const now = this.now();
    const peer = new Peer({
      id: this.freeId(),
      duplex,
      incoming,
      handshake: theirs,
      handshakeBytes,
      host: this,
      extensions: (made) => this.#extensions.attach(made),
    });
    const connection = new Connection(
      peer,
      known,
      this.#host.downloadLimit,
      this.#host.uploadLimit,
    );
    this.#company.connections.set(peer.id, connection);
    this.list.connected(known, now);
    duplex.attach(peer);
    const { have } = this.#content.picker;
    const { infoHash } = this.#host.handshake;
    peer.start(
      have,
      allowedFastFor(duplex.remote, infoHash, have, (bytes) => this.#session.sha1(bytes)),
    );
    if (this.#session.disk.congested) peer.pause(PAUSE_DISK);
    this.#host.connected(connection);
    this.#armTick(now);
    if (!incoming) this.#keepOne(connection, duplex.remote.port);
    return peer;
  }

  /** Closes one of two connections with the peer that listens at the port, if there are two. */
  #keepOne(connection: Connection, port: number): void {
    const other = otherDirection(this.connections.values(), connection, port);
    if (other === undefined) return;
    const [incoming, outgoing] = connection.peer.incoming
      ? [connection, other]
      : [other, connection];
    const { peerId } = this.#host.handshake;
    const loser = surplus(outgoing, incoming, { port: this.#session.listenPort(), peerId });
    const kept = loser === incoming ? outgoing : incoming;
    loser.peer.close(
      new PeerError("ERR_PEER_DOUBLE", "there is another connection with this peer"),
    );
    if (kept.known === loser.known) this.list.connected(kept.known, this.now());
    if (kept === incoming) this.list.setListenPort(kept.known, port);
  }

  #judge(connection: Connection): void {
    connection.known.isSeed = connection.peer.have.isFull;
    if (this.#isRedundant(connection)) {
      this.#closeRedundant(connection);
      return;
    }
    connection.peer.setInterested(this.#content.picker.isInteresting(connection));
  }

  /** Both ends have all that they want: nothing can flow. */
  #isRedundant({ peer }: Connection): boolean {
    return peer.have.isFull && peer.isKnown && this.#content.isFinished;
  }

  #closeRedundant({ peer }: Connection): void {
    peer.close(new PeerError("ERR_PEER_REDUNDANT", "both ends have everything that they want"));
  }

  #armTick(now: number): void {
    const { tick, list } = this.#company;
    if (tick.isSet || !this.#host.isActive) return;
    const finished = this.#content.isFinished;
    if (this.connections.size > 0) tick.set(now + TICK_MS);
    else if (list.candidates({ finished }) > 0) {
      tick.set(Math.max(now + TICK_MS, list.nextDial(now, { finished })));
    }
  }

  #onTick(now: number): void {
    for (const { peer } of this.connections.values()) peer.tick(now);
    this.#known?.makeRoom(this.#session.budget.perTorrent, this.#content.isFinished, now);
    this.dialMore();
    this.#host.ticked(now);
    this.#armTick(now);
  }
}
