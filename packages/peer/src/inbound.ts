// What the remote says, message by message: checks it and passes it to the side that it concerns.
import { Bitfield, type PieceIndex, pieceIndex } from "@shoal/core";
import type { ExtensionSession, MessageHandler } from "@shoal/wire";
import type { Download } from "./download.ts";
import { EarlyPieces } from "./early.ts";
import { PeerError } from "./error.ts";
import type { PeerHost, PeerView } from "./host.ts";
import type { Upload } from "./upload.ts";

/** The connection that messages come for. */
export interface InboundPeer extends PeerView {
  readonly download: Download;
  readonly upload: Upload;
  readonly extensions: ExtensionSession | undefined;
}

/** The decoder's handler for one connection. Its methods throw what must end the connection. */
export class Inbound implements MessageHandler {
  readonly #peer: InboundPeer;
  readonly #host: PeerHost;
  /** While the torrent's pieces are not known. */
  #early: EarlyPieces | undefined;
  #known = false;

  constructor(peer: InboundPeer, host: PeerHost) {
    this.#peer = peer;
    this.#host = host;
    this.#early = host.hasMetadata ? undefined : new EarlyPieces();
  }

  /** The torrent's pieces are known now: what was said of them is heard. @throws PeerError. */
  piecesLearned(): void {
    const early = this.#early;
    this.#early = undefined;
    early?.replay(this);
  }

  /** The remote has said which pieces it has. */
  get isKnown(): boolean {
    return this.#known;
  }

  keepAlive(): void {}

  choke(): void {
    if (this.#peer.download.choked) return;
    this.#peer.download.nowChoked();
    this.#host.chokeChanged(this.#peer);
  }

  unchoke(): void {
    if (!this.#peer.download.choked) return;
    this.#peer.download.choked = false;
    this.#host.chokeChanged(this.#peer);
  }

  interested(): void {
    if (this.#peer.upload.interested) return;
    this.#peer.upload.interested = true;
    this.#host.interestChanged(this.#peer);
  }

  notInterested(): void {
    if (!this.#peer.upload.interested) return;
    this.#peer.upload.interested = false;
    this.#host.interestChanged(this.#peer);
  }

  have(index: number): void {
    if (this.#early !== undefined) {
      this.#early.have(index);
      return;
    }
    const piece = this.#piece(index, "have");
    // BEP 3 lets a peer without pieces leave the bitfield out.
    if (!this.#known) this.#know();
    if (this.#peer.have.add(piece)) this.#host.gained(this.#peer, piece);
  }

  bitfield(bits: Uint8Array): void {
    if (this.#early !== undefined) {
      this.#early.bitfield(bits);
      return;
    }
    const theirs = Bitfield.from(bits, this.#peer.have.length);
    if (theirs === undefined) {
      throw new PeerError(
        "ERR_PEER_PROTOCOL",
        `bitfield of ${bits.length} bytes for ${this.#peer.have.length} pieces, or spare bits set`,
      );
    }
    // Only the first is allowed (BEP 3), but aria2 sends another when it is shorter than its haves.
    if (this.#known) {
      for (const piece of theirs) this.have(piece);
      return;
    }
    for (const piece of theirs) this.#peer.have.add(piece);
    this.#know();
  }

  haveAll(): void {
    this.#fast("have all");
    if (this.#early !== undefined) {
      this.#early.haveAll();
      return;
    }
    this.#first("have all");
    this.#peer.have.fill();
    this.#know();
  }

  haveNone(): void {
    this.#fast("have none");
    if (this.#early !== undefined) {
      this.#early.haveNone();
      return;
    }
    this.#first("have none");
    this.#know();
  }

  request(piece: number, begin: number, length: number): void {
    this.#peer.upload.request(pieceIndex(piece), begin, length);
  }

  cancel(piece: number, begin: number, length: number): void {
    this.#peer.upload.cancel(pieceIndex(piece), begin, length);
  }

  reject(piece: number, begin: number): void {
    this.#fast("reject");
    this.#peer.download.rejected(piece, begin);
  }

  pieceStart(piece: number, begin: number, length: number): void {
    this.#peer.download.blockBegins(piece, begin, length);
  }

  pieceData(chunk: Uint8Array, start: number, end: number): void {
    this.#peer.download.blockBytes(chunk, start, end);
  }

  pieceEnd(): void {
    this.#peer.download.blockEnds(this.#host.now());
  }

  port(port: number): void {
    this.#host.dhtNode(this.#peer, port);
  }

  /** A hint only (BEP 6); rarest first needs none. */
  suggest(): void {}

  allowedFast(piece: number): void {
    this.#fast("allowed fast");
    if (this.#early === undefined) this.#peer.download.allow(piece);
    else this.#early.allowedFast(piece);
  }

  extended(id: number, payload: Uint8Array): void {
    this.#peer.extensions?.receive(id, payload);
  }

  /** BitTorrent v2 hashes (BEP 52): nothing that a v1 torrent could answer. */
  hashRequest(): void {}
  hashes(): void {}
  hashReject(): void {}

  /** Messages of protocols that we don't speak are skipped, as BEP 3 leaves room for them. */
  unknown(): void {}

  #piece(index: number, message: string): PieceIndex {
    if (this.#host.geometry.isPiece(index)) return index;
    throw new PeerError(
      "ERR_PEER_PROTOCOL",
      `'${message}' for piece ${index} of a torrent with ${this.#host.geometry.pieceCount}`,
    );
  }

  #first(message: string): void {
    if (this.#known) {
      throw new PeerError("ERR_PEER_PROTOCOL", `'${message}' after its pieces were known`);
    }
  }

  #fast(message: string): void {
    if (!this.#peer.fast) {
      throw new PeerError(
        "ERR_PEER_PROTOCOL",
        `'${message}' without the Fast extension in the handshake`,
      );
    }
  }

  #know(): void {
    this.#known = true;
    this.#host.piecesKnown(this.#peer);
  }
}
