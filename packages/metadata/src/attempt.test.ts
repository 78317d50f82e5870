import { describe, expect, it } from "vitest";
import { Attempt } from "./attempt.ts";
import { PIECE_LENGTH } from "./message.ts";

const NOTHING: ReadonlyMap<number, number> = new Map();

describe("Attempt", () => {
  it("takes pieces of the right length only", () => {
    const attempt = new Attempt<string>(PIECE_LENGTH + 10);
    attempt.open();
    expect(attempt.pieceCount).toBe(2);
    expect(attempt.fits(0, PIECE_LENGTH)).toBe(true);
    expect(attempt.fits(0, PIECE_LENGTH - 1)).toBe(false);
    expect(attempt.fits(1, 10)).toBe(true);
    expect(attempt.fits(1, 11)).toBe(false);
    expect(attempt.fits(1, 0)).toBe(false);
    expect(attempt.fits(2, 0)).toBe(false);
    expect(attempt.fits(Number.MAX_SAFE_INTEGER, PIECE_LENGTH)).toBe(false);
    expect(new Attempt(PIECE_LENGTH).fits(0, PIECE_LENGTH)).toBe(true);
    expect(new Attempt(PIECE_LENGTH).fits(1, 0)).toBe(false);
  });

  it("names the missing piece that was asked for least, and none twice within 3 s", () => {
    const attempt = new Attempt<string>(3 * PIECE_LENGTH);
    attempt.open();
    const ask = (now: number, asked = NOTHING): number | undefined => {
      const piece = attempt.next(now, asked);
      if (piece !== undefined) attempt.asked(piece, now);
      return piece;
    };
    expect([ask(0), ask(0), ask(0), ask(0)]).toEqual([0, 1, 2, undefined]);
    expect(ask(2999)).toBeUndefined();
    expect(ask(3000, new Map([[0, 0]]))).toBe(1);
    expect([ask(3000), ask(3000), ask(3000)]).toEqual([0, 2, undefined]);
  });

  it("names a piece at once that somebody won't send", () => {
    const attempt = new Attempt<string>(PIECE_LENGTH);
    attempt.open();
    attempt.asked(0, 0);
    expect(attempt.next(1, NOTHING)).toBeUndefined();
    attempt.release(0);
    expect(attempt.next(1, NOTHING)).toBe(0);
  });

  it("puts together what came, and tells who sent it", () => {
    const attempt = new Attempt<string>(PIECE_LENGTH + 2);
    attempt.open();
    const first = new Uint8Array(PIECE_LENGTH).fill(1);
    attempt.put(0, first, "a");
    first.fill(9);
    attempt.put(0, first, "b");
    expect(attempt.isComplete).toBe(false);
    attempt.asked(0, 0);
    expect(attempt.next(0, NOTHING)).toBe(1);
    attempt.put(1, Uint8Array.of(2, 3), "c");
    expect(attempt.isComplete).toBe(true);
    const { bytes, sources } = attempt.take();
    expect([...bytes.subarray(PIECE_LENGTH - 1)]).toEqual([1, 2, 3]);
    expect([...sources]).toEqual(["a", "c"]);
    expect(attempt.held).toBe(0);
    expect(attempt.next(0, NOTHING)).toBe(0);
  });

  it("keeps pieces that came in a buffer which is read into again", () => {
    const attempt = new Attempt<string>(2);
    attempt.open();
    const buffer = Buffer.from([1, 2]);
    attempt.put(0, buffer, "a");
    buffer.fill(0);
    expect(attempt.take().bytes).toEqual(Uint8Array.of(1, 2));
  });

  it("asks for nothing and holds nothing while it is not open", () => {
    const attempt = new Attempt<string>(1);
    expect(attempt.next(0, NOTHING)).toBeUndefined();
    attempt.put(0, Uint8Array.of(1), "a");
    expect(attempt.held).toBe(0);
    attempt.open();
    attempt.put(0, Uint8Array.of(1), "a");
    expect(attempt.held).toBe(1);
    attempt.close();
    expect([attempt.isOpen, attempt.held]).toEqual([false, 0]);
  });
});
