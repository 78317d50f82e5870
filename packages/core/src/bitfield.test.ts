import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitfield } from "./index.ts";

describe("Bitfield", () => {
  it("has the byte order of the wire", () => {
    const field = new Bitfield(12);
    field.add(0);
    field.add(7);
    field.add(8);
    expect([...field.bytes]).toEqual([0b1000_0001, 0b1000_0000]);
  });

  it("ignores what is outside", () => {
    const field = Bitfield.full(10);
    for (const index of [-1, 10, 15, 16, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), Number.NaN]) {
      expect(field.has(index)).toBe(false);
      expect(field.add(index)).toBe(false);
      expect(field.delete(index)).toBe(false);
    }
    expect(field.count).toBe(10);
  });

  it("never sets a spare bit", () => {
    for (let length = 0; length <= 17; length++) {
      const full = Bitfield.full(length);
      expect(full.isFull).toBe(true);
      expect(full.count).toBe(length);
      expect([...full]).toEqual(Array.from({ length }, (_, i) => i));
      expect(Bitfield.from(full.bytes, length)?.count).toBe(length);
    }
  });

  it("reads only payloads of the right size without spare bits", () => {
    expect(Bitfield.from(Uint8Array.of(0xff, 0xe0), 11)?.count).toBe(11);
    expect(Bitfield.from(Uint8Array.of(0xff, 0x10), 11)).toBe(undefined);
    expect(Bitfield.from(Uint8Array.of(0xff), 11)).toBe(undefined);
    expect(Bitfield.from(Uint8Array.of(0xff, 0xe0, 0), 11)).toBe(undefined);
    expect(Bitfield.from(new Uint8Array(0), 0)?.isFull).toBe(true);
    expect(Bitfield.from(Uint8Array.of(0xff), 8)?.isFull).toBe(true);
  });

  it("copies what it reads, and clones are independent", () => {
    const bytes = Uint8Array.of(0x80);
    const field = Bitfield.from(bytes, 8);
    bytes[0] = 0;
    expect(field?.has(0)).toBe(true);
    const clone = field?.clone();
    clone?.add(1);
    expect([...(field ?? [])]).toEqual([0]);
    expect([...(clone ?? [])]).toEqual([0, 1]);
  });

  it("knows whether it has what another lacks", () => {
    const ours = new Bitfield(20);
    const theirs = new Bitfield(20);
    expect(theirs.hasBeyond(ours)).toBe(false);
    theirs.add(19);
    expect(theirs.hasBeyond(ours)).toBe(true);
    ours.fill();
    expect(theirs.hasBeyond(ours)).toBe(false);
  });

  it("is a set: the same as a Set of numbers under any operations", () => {
    const operation = fc.tuple(fc.constantFrom("add", "delete", "clear", "fill"), fc.nat(99));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.array(operation), (length, operations) => {
        const field = new Bitfield(length);
        const model = new Set<number>();
        const all = Array.from({ length }, (_, i) => i);
        for (const [name, index] of operations) {
          if (name === "add") {
            expect(field.add(index)).toBe(index < length && !model.has(index));
            if (index < length) model.add(index);
          } else if (name === "delete") expect(field.delete(index)).toBe(model.delete(index));
          else {
            field[name]();
            model.clear();
            if (name === "fill") for (const i of all) model.add(i);
          }
          expect(field.count).toBe(model.size);
          expect(field.has(index)).toBe(model.has(index));
        }
        expect([...field]).toEqual([...model].toSorted((a, b) => a - b));
        expect([...(Bitfield.from(field.bytes, length) ?? [])]).toEqual([...field]);
      }),
    );
  });
});
