import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeReply } from "./krpc.ts";
import { encodeNodesReply } from "./nodes-reply.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const list = fc.option(fc.uint8Array({ maxLength: 1200 }), { nil: undefined });

describe("encodeNodesReply", () => {
  it("writes what the general encoder writes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 32 }),
        fc.oneof(bytes(6), bytes(18)),
        fc.record({
          id: bytes(20),
          nodes: list,
          nodes6: list,
          token: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
        }),
        (transaction, ip, values) => {
          const fast = encodeNodesReply(transaction, ip, values);
          expect(Array.from(fast)).toEqual(Array.from(encodeReply(transaction, ip, values)));
        },
      ),
    );
  });
});
