// What the tests share: byte strings from text, plain forms of decoded values, random values.
import fc from "fast-check";
import { BencodeDict, type BencodeInput, type BencodeValue } from "../src/index.ts";

/** One byte for each character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The value with each dictionary as an object, as npm's bencode gives it. */
export function toPlain(value: BencodeValue): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (!(value instanceof BencodeDict)) return value;
  return Object.fromEntries([...value.entries()].map(([key, inner]) => [key, toPlain(inner)]));
}

/** Values that npm's bencode can represent too: safe integers, well-formed and harmless keys. */
export function canonical(): fc.Arbitrary<BencodeInput> {
  const { value } = fc.letrec<{ value: BencodeInput }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger(),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(
        fc
          .string({ unit: "binary" })
          .filter((key) => key !== "__proto__" && !key.includes("\ufffd")),
        tie("value"),
        { maxKeys: 5, noNullPrototype: true },
      ),
    ),
  }));
  return value;
}
