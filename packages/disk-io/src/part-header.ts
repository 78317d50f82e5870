// The head of a part file: which files' bytes lie in it, and the slot of each piece.

/*
 * All numbers are big-endian, 32 bits:
 *
 *   0  "SHOALPRT"
 *   8  version, 1
 *  12  piece length
 *  16  number of pieces
 *  20  number of files in the torrent
 *  24  for each file a bit, the highest of the first byte first: its bytes lie here
 *   …  from the next multiple of 4, for each piece: its slot + 1, or 0
 *   …  from the next multiple of 4096: slots, each of one piece length
 */
const MAGIC = Buffer.from("SHOALPRT", "latin1");
const VERSION = 1;
const FILES_AT = 24;
const ALIGNMENT = 4096;

/** What a part file has to fit to. */
export interface PartShape {
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly fileCount: number;
}

/** The head in memory, and its bytes. */
export class PartHeader {
  /** Where the first slot begins. */
  readonly size: number;
  readonly bytes: Buffer;
  readonly #shape: PartShape;
  readonly #piecesAt: number;
  /** Piece by slot; −1 in free slots. The last slot is never free. */
  readonly #pieces: number[] = [];

  constructor(shape: PartShape) {
    const { pieceLength, pieceCount, fileCount } = shape;
    this.#shape = shape;
    this.#piecesAt = roundUp(FILES_AT + Math.ceil(fileCount / 8), 4);
    this.size = roundUp(this.#piecesAt + pieceCount * 4, ALIGNMENT);
    this.bytes = Buffer.alloc(this.size);
    MAGIC.copy(this.bytes);
    for (const [i, value] of [VERSION, pieceLength, pieceCount, fileCount].entries()) {
      this.bytes.writeUInt32BE(value, 8 + i * 4);
    }
  }

  /**
   * Takes over what a file begins with. Slots that can't be, or that two pieces claim, are forgotten:
   * their pieces will be found missing.
   *
   * @returns undefined if it is no part file of this torrent; without slots if it ends too early.
   */
  static parse(bytes: Uint8Array, shape: PartShape): PartHeader | undefined {
    const header = new PartHeader(shape);
    const known = Math.min(FILES_AT, bytes.length);
    if (!header.bytes.subarray(0, known).equals(bytes.subarray(0, known))) return undefined;
    if (bytes.length < header.size) return header;
    header.bytes.set(bytes.subarray(0, header.size));
    for (let piece = 0; piece < shape.pieceCount; piece++) {
      const slot = header.slotOf(piece);
      if (slot === undefined) continue;
      const isFree = slot < shape.pieceCount && (header.#pieces[slot] ?? -1) < 0;
      if (isFree) header.#own(slot, piece);
      else header.bytes.writeUInt32BE(0, header.entryAt(piece));
    }
    return header;
  }

  /** Slots up to the last one in use. */
  get slotCount(): number {
    return this.#pieces.length;
  }

  /** The pieces that have slots. */
  get pieces(): number[] {
    return this.#pieces.filter((piece) => piece >= 0);
  }

  hasFile(file: number): boolean {
    return ((this.bytes[fileByte(file)] ?? 0) & fileBit(file)) !== 0;
  }

  /** @returns where the byte lies that changed. */
  setFile(file: number, isHere: boolean): number {
    const at = fileByte(file);
    const others = (this.bytes[at] ?? 0) & ~fileBit(file);
    this.bytes[at] = isHere ? others | fileBit(file) : others;
    return at;
  }

  slotOf(piece: number): number | undefined {
    const entry = this.bytes.readUInt32BE(this.entryAt(piece));
    return entry === 0 ? undefined : entry - 1;
  }

  /** Where the piece's entry lies: 4 bytes. */
  entryAt(piece: number): number {
    return this.#piecesAt + piece * 4;
  }

  /** Gives the piece the first free slot. */
  take(piece: number): number {
    const free = this.#pieces.indexOf(-1);
    const slot = free < 0 ? this.#pieces.length : free;
    this.#own(slot, piece);
    return slot;
  }

  free(piece: number): void {
    const slot = this.slotOf(piece);
    if (slot === undefined) return;
    this.bytes.writeUInt32BE(0, this.entryAt(piece));
    this.#pieces[slot] = -1;
    this.#trim();
  }

  /** The move that would make the file one slot shorter; undefined if no slot before the last is free. */
  nextMove(): { piece: number; from: number; to: number } | undefined {
    const to = this.#pieces.indexOf(-1);
    const from = this.#pieces.length - 1;
    const piece = this.#pieces[from];
    return to < 0 || piece === undefined ? undefined : { piece, from, to };
  }

  /** Makes a move of `nextMove`. */
  move({ piece, from, to }: { piece: number; from: number; to: number }): void {
    this.#pieces[from] = -1;
    this.#own(to, piece);
    this.#trim();
  }

  /** Where the slot begins. */
  slotAt(slot: number): number {
    return this.size + slot * this.#shape.pieceLength;
  }

  #own(slot: number, piece: number): void {
    while (this.#pieces.length <= slot) this.#pieces.push(-1);
    this.#pieces[slot] = piece;
    this.bytes.writeUInt32BE(slot + 1, this.entryAt(piece));
  }

  #trim(): void {
    while (this.#pieces.at(-1) === -1) this.#pieces.pop();
  }
}

function fileByte(file: number): number {
  return FILES_AT + (file >> 3);
}

function fileBit(file: number): number {
  return 0x80 >> (file & 7);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
