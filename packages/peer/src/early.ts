// What a remote says of its pieces while we don't know the torrent's: kept until we do.
import { copyBytes } from "@shoal/core";
import { PeerError } from "./error.ts";

/** `have` messages that are kept: more than any honest peer sends while it tells us the metadata. */
const MAX_HAVES = 16_384;

/** Grants of BEP 6 that are kept. */
const MAX_ALLOWED = 64;

/** Who takes the messages in when the torrent's pieces are known. */
export interface PieceMessages {
  have(piece: number): void;
  bitfield(bits: Uint8Array): void;
  haveAll(): void;
  haveNone(): void;
  allowedFast(piece: number): void;
}

/** Messages about pieces of one connection whose torrent has no metadata yet (BEP 9). */
export class EarlyPieces implements PieceMessages {
  #first: "all" | "none" | Uint8Array | undefined;
  readonly #haves: number[] = [];
  readonly #allowed: number[] = [];

  have(piece: number): void {
    if (this.#haves.length >= MAX_HAVES) {
      throw new PeerError("ERR_PEER_FLOOD", `more than ${MAX_HAVES} pieces told one by one`);
    }
    this.#haves.push(piece);
  }

  bitfield(bits: Uint8Array): void {
    this.#first = copyBytes(bits);
  }

  haveAll(): void {
    this.#first = "all";
  }

  haveNone(): void {
    this.#first = "none";
  }

  allowedFast(piece: number): void {
    if (this.#allowed.length < MAX_ALLOWED) this.#allowed.push(piece);
  }

  /** Says it all again. @throws what `to` throws: not everything may be true of this torrent. */
  replay(to: PieceMessages): void {
    const first = this.#first;
    if (first === "all") to.haveAll();
    else if (first === "none") to.haveNone();
    else if (first !== undefined) to.bitfield(first);
    for (const piece of this.#haves) to.have(piece);
    for (const piece of this.#allowed) to.allowedFast(piece);
  }
}
