// What the peer wire codec costs: CPU time for 1 GiB of blocks, with and without the one copy.
import { MessageDecoder, MessageEncoder, type MessageHandler } from "@shoal/wire";

const GIB = 2 ** 30;
const BLOCK = 16_384;
/** A stretch of the stream that is fed again and again; no multiple of any chunk size. */
const BLOCKS = 1000;

/** Counts blocks, and copies them when told to. */
class Sink implements MessageHandler {
  bytes = 0;
  readonly #copy: boolean;
  readonly #slab = new Uint8Array(64 * BLOCK);
  #at = 0;

  constructor(copy: boolean) {
    this.#copy = copy;
  }

  pieceStart(): void {
    this.#at = (this.#at + BLOCK) % this.#slab.length;
  }

  pieceData(chunk: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    if (!this.#copy) return;
    this.#slab.set(chunk.subarray(start, end), this.#at % (this.#slab.length - BLOCK));
  }

  pieceEnd(): void {}
  keepAlive(): void {}
  choke(): void {}
  unchoke(): void {}
  interested(): void {}
  notInterested(): void {}
  have(): void {}
  bitfield(): void {}
  request(): void {}
  cancel(): void {}
  reject(): void {}
  port(): void {}
  suggest(): void {}
  haveAll(): void {}
  haveNone(): void {}
  allowedFast(): void {}
  extended(): void {}
  hashRequest(): void {}
  hashes(): void {}
  hashReject(): void {}
  unknown(): void {}
}

const payload = new Uint8Array(BLOCK).fill(0x5a);

function encodeBlocks(count: number): Uint8Array[] {
  const encoder = new MessageEncoder();
  for (let i = 0; i < count; i++) encoder.piece(i >> 4, (i & 15) * BLOCK, payload);
  return encoder.take();
}

/** CPU milliseconds of `work`, the best of five runs. */
function measure(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const start = process.cpuUsage();
    work();
    const used = process.cpuUsage(start);
    best = Math.min(best, (used.user + used.system) / 1000);
  }
  return best;
}

function report(what: string, ms: number): void {
  console.log(
    `${what.padEnd(44)} ${ms.toFixed(1).padStart(7)} ms/GiB ${Math.round(GIB / 1000 / ms)
      .toLocaleString("en")
      .padStart(9)} MB/s`,
  );
}

const stream = Buffer.concat(encodeBlocks(BLOCKS));
const rounds = Math.round(GIB / (BLOCKS * BLOCK));
for (const copy of [false, true]) {
  for (const size of [16, 64, 256]) {
    // What a socket gives: one buffer that is filled anew, cut without regard to messages.
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size * 1024) {
      chunks.push(stream.subarray(at, at + size * 1024));
    }
    const ms = measure(() => {
      const decoder = new MessageDecoder(new Sink(copy));
      for (let round = 0; round < rounds; round++) {
        for (const chunk of chunks) decoder.receive(chunk);
      }
    });
    report(`decode${copy ? " and copy" : ""}, chunks of ${size} KiB`, ms);
  }
}
for (const blocks of [4, 16, 64]) {
  const ms = measure(() => {
    const encoder = new MessageEncoder();
    for (let sent = 0; sent < GIB / BLOCK; sent += blocks) {
      for (let i = 0; i < blocks; i++) encoder.piece(sent + i, i * BLOCK, payload);
      encoder.take();
    }
  });
  report(`encode, ${blocks} blocks to a write`, ms);
}
