// One connection after its handshake: ties its stream to the upload, the download and extensions.
import {
  asError,
  Bitfield,
  type Duplex,
  type DuplexHandler,
  type Endpoint,
  type PieceIndex,
} from "@shoal/core";
import { type ExtensionSession, type Handshake, MessageDecoder } from "@shoal/wire";
import { Download } from "./download.ts";
import { PeerError } from "./error.ts";
import type { PeerHost, PeerView } from "./host.ts";
import { Inbound } from "./inbound.ts";
import { KEEP_ALIVE_MS, LOW_BACKLOG, MAX_BACKLOG, SILENCE_MS, STALL_MS } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Upload } from "./upload.ts";

/** Why a connection is not being read at present; a set of bits. */
export const PAUSE_DISK = 1;
export const PAUSE_RATE = 2;
const PAUSE_BACKLOG = 4;

/** What a connection is made of. */
export interface PeerInit {
  /** A small integer, unique among the swarm's connections; may be used again later. */
  readonly id: number;
  readonly duplex: Duplex;
  /** Who dialled: true if the remote did. */
  readonly incoming: boolean;
  /** What the remote's handshake said. */
  readonly handshake: Handshake;
  /** Bytes that our handshake took in the stream. */
  readonly handshakeBytes: number;
  readonly host: PeerHost;
  /** Makes the extension protocol's side of the connection (BEP 10); called if both ends speak it. */
  readonly extensions?: ((peer: Peer) => ExtensionSession) | undefined;
}

/**
 * One peer. Hand it to `duplex.attach`, then call `start`.
 *
 * States and invariants: STATE.md.
 */
export class Peer implements DuplexHandler, PeerView {
  readonly id: number;
  readonly incoming: boolean;
  readonly handshake: Handshake;
  readonly upload: Upload;
  readonly download: Download;
  readonly extensions: ExtensionSession | undefined;
  readonly #host: PeerHost;
  readonly #duplex: Duplex;
  readonly #outbox: Outbox;
  readonly #decoder: MessageDecoder;
  readonly #inbound: Inbound;
  readonly #life: Life;
  #have: Bitfield;

  constructor(init: PeerInit) {
    const { host, duplex } = init;
    this.id = init.id;
    this.incoming = init.incoming;
    this.handshake = init.handshake;
    this.#have = new Bitfield(host.geometry.pieceCount);
    this.#host = host;
    this.#duplex = duplex;
    this.#life = new Life(host.now());
    this.#outbox = new Outbox(duplex, init.handshakeBytes, host.now());
    this.upload = new Upload(this, host, this.#outbox);
    this.download = new Download(this, host, this.#outbox);
    this.#inbound = new Inbound(this, host);
    this.#decoder = new MessageDecoder(
      this.#inbound,
      host.hasMetadata ? { maxBitfieldLength: (host.geometry.pieceCount + 7) >> 3 } : {},
    );
    this.extensions = init.handshake.features.extended ? init.extensions?.(this) : undefined;
  }

  /** Pieces that the remote has, as far as it said. Kept by this class; others only read. */
  get have(): Bitfield {
    return this.#have;
  }

  /** Both ends speak the Fast extension (BEP 6). */
  get fast(): boolean {
    return this.handshake.features.fast;
  }

  get remote(): Endpoint {
    return this.#duplex.remote;
  }

  /** The remote's transport: `tcp`, `utp`… */
  get kind(): string {
    return this.#duplex.kind;
  }

  /** How many requests the remote queues (`reqq`, BEP 10); undefined if it did not say. */
  get remoteQueueLimit(): number | undefined {
    return this.extensions?.theirs?.requestQueue;
  }

  get snubbed(): boolean {
    return this.download.snubbed;
  }

  /** Its pieces have been said; before that it may not be picked from. */
  get isKnown(): boolean {
    return this.#inbound.isKnown;
  }

  get isClosed(): boolean {
    return this.#life.closed;
  }

  /** When the connection was made, in ms. */
  get connectedAt(): number {
    return this.#life.since;
  }

  /**
   * Says what we have and who we are.
   *
   * @param have Our verified pieces.
   * @param allowedFast Pieces that this remote may request while choked (BEP 6).
   */
  start(have: Bitfield, allowedFast: readonly number[]): void {
    const { messages } = this.#outbox;
    if (this.fast && have.count === 0) messages.haveNone();
    else if (this.fast && have.isFull) messages.haveAll();
    else if (have.count > 0) messages.bitfield(have.bytes.slice());
    this.extensions?.start();
    if (this.handshake.features.dht && this.#host.dhtPort !== undefined) {
      messages.port(this.#host.dhtPort);
    }
    if (this.fast && allowedFast.length > 0) {
      const granted = new Bitfield(have.length);
      for (const piece of allowedFast) {
        granted.add(piece);
        messages.allowedFast(piece);
      }
      this.upload.allowedFast = granted;
    }
    this.#outbox.flush(this.#host.now());
  }

  /** The torrent's metadata has come: what the remote said of its pieces is heard now. */
  piecesLearned(): void {
    if (this.#life.closed) return;
    this.#have = new Bitfield(this.#host.geometry.pieceCount);
    try {
      this.#inbound.piecesLearned();
    } catch (error) {
      this.close(asError(error));
    }
  }

  /** Tells the remote that we have a piece more. */
  announce(piece: PieceIndex): void {
    this.#outbox.messages.have(piece);
    this.#host.wake(this);
  }

  /** Tells the remote whether we want its data. */
  setInterested(interested: boolean): void {
    if (this.download.interested === interested) return;
    this.download.interested = interested;
    if (interested) this.#outbox.messages.interested();
    else this.#outbox.messages.notInterested();
    this.#host.wake(this);
  }

  setChoking(choking: boolean): void {
    if (choking) this.upload.choke();
    else this.upload.unchoke();
    this.#host.wake(this);
  }

  /** Sends an extension message; the extension session's way out. */
  sendExtended(id: number, payload: Uint8Array): void {
    if (this.#life.closed) return;
    this.#outbox.messages.extended(id, payload);
    this.#host.wake(this);
  }

  /** The remote says that it has this piece no more (BEP 54). */
  lost(piece: number): void {
    if (this.#host.geometry.isPiece(piece) && this.have.delete(piece)) {
      this.#host.lost(this, piece);
    }
  }

  /** Bytes that wait to be sent. */
  get backlog(): number {
    return this.#outbox.queuedBytes;
  }

  /** Another peer delivered the block: withdraws our request. */
  cancel(piece: PieceIndex, block: number): void {
    this.download.cancel(piece, block);
    this.#host.wake(this);
  }

  /** Blocks that the upload waited for are in the cache: take them now. */
  blocksReady(): void {
    this.turnEnded();
  }

  /** Reading a piece from disk failed. */
  readFailed(piece: PieceIndex): void {
    this.upload.readFailed(piece);
    this.turnEnded();
  }

  /** Asks for more, serves more, writes what was gathered. */
  turnEnded(): void {
    if (this.#life.closed) return;
    const now = this.#host.now();
    if (this.#life.paused === 0) this.download.fill(now);
    if (this.#life.closed) return;
    this.upload.pump(now);
    this.#outbox.flush(now);
  }

  /** Once a second: timeouts, keep-alive, snubbing. */
  tick(now: number): void {
    // While we don't read, nothing can come.
    if (!this.isPaused && now - this.#life.heardAt > SILENCE_MS) {
      this.#timeOut(`nothing came for ${SILENCE_MS / 1000} seconds`);
      return;
    }
    if (this.#outbox.stalledFor(now) > STALL_MS) {
      this.#timeOut(`it took nothing of what we sent for ${STALL_MS / 1000} seconds`);
      return;
    }
    if (now - this.#outbox.lastWriteAt > KEEP_ALIVE_MS) this.#outbox.messages.keepAlive();
    if (this.#life.paused === 0) this.download.tick(now);
    this.turnEnded();
  }

  /** Stops reading for a reason ({@link PAUSE_DISK}, {@link PAUSE_RATE}); reasons add up. */
  pause(reason: number): void {
    if (this.#life.paused === 0) this.#duplex.pause();
    this.#life.paused |= reason;
  }

  /** Ends a reason; reading goes on when none is left. */
  resume(reason: number): void {
    if (this.#life.paused === 0) return;
    this.#life.paused &= ~reason;
    if (this.#life.paused !== 0) return;
    this.#life.heardAt = this.#host.now();
    this.#duplex.resume();
    this.turnEnded();
  }

  get isPaused(): boolean {
    return this.#life.paused !== 0;
  }

  /** Bytes over the download rate limit that are still to be paid for. */
  get debt(): number {
    return this.#life.debt;
  }

  /** Pays for received bytes as the limit allows; reading goes on when all are paid. */
  payDebt(now: number): void {
    if (this.#life.debt > 0)
      this.#life.debt = this.#host.sink.payDownload(this, this.#life.debt, now);
    if (this.#life.debt === 0) this.resume(PAUSE_RATE);
  }

  /** Ends the connection at once. `peerClosed` is called before this returns. */
  close(error?: Error): void {
    if (this.#life.closed) return;
    this.#duplex.destroy(error);
    this.closed(error);
  }

  // --- the stream ---

  received(chunk: Uint8Array): void {
    if (this.#life.closed) return;
    const now = this.#host.now();
    this.#life.heardAt = now;
    try {
      this.#decoder.receive(chunk);
    } catch (error) {
      this.close(asError(error));
      return;
    }
    if (this.#life.closed) return;
    this.#life.debt = this.#host.sink.payDownload(this, this.#life.debt + chunk.length, now);
    if (this.#life.debt > 0) {
      this.pause(PAUSE_RATE);
      this.#host.rateLimited(this);
    }
    this.turnEnded();
    if (this.#outbox.queuedBytes > MAX_BACKLOG) this.pause(PAUSE_BACKLOG);
  }

  flushed(total: number): void {
    this.#outbox.flushed(total);
    this.upload.flushed(total);
    if (this.upload.queueLength > 0) this.turnEnded();
    if (this.isPaused && this.#outbox.queuedBytes < LOW_BACKLOG) this.resume(PAUSE_BACKLOG);
  }

  closed(error: Error | undefined): void {
    if (this.#life.closed) return;
    this.#life.closed = true;
    this.#decoder.stop();
    this.download.close();
    this.upload.close();
    this.extensions?.close();
    this.#host.peerClosed(this, error);
  }

  #timeOut(message: string): void {
    this.close(new PeerError("ERR_PEER_TIMEOUT", message));
  }
}

/** The little that changes over a connection's life. Times in ms. */
class Life {
  readonly since: number;
  heardAt: number;
  paused = 0;
  debt = 0;
  closed = false;

  constructor(now: number) {
    this.since = now;
    this.heardAt = now;
  }
}
