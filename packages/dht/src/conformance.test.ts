// The vectors of the BEPs.
import { encode } from "@shoal/bencode";
import { concatBytes, createRng, fromHex, parseIp, toHex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { addToBloom, BLOOM_SIZE, estimateBloom } from "./bloom.ts";
import { portableCrypto, portableSigner } from "./crypto.ts";
import { immutableTarget, isGenuine, mutableTarget, signedBytes } from "./item.ts";
import { decodeKrpc, encodeError, encodeQuery } from "./krpc.ts";
import { nodeCrypto, nodeSigner } from "./node.ts";
import { isSecureId, secureId } from "./secure-id.ts";

const bytes = (hex: string): Uint8Array => fromHex(hex.replace(/\s/g, "")) as Uint8Array;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("BEP 42", () => {
  it.each([
    ["124.31.75.21", 1, "5fbfbf"],
    ["21.75.31.124", 86, "5a3ce9"],
    ["65.23.51.170", 22, "a5d432"],
    ["84.124.73.14", 65, "1b0321"],
    ["43.213.53.83", 90, "e56f6c"],
  ])("binds an id to %s", (address, seed, prefix) => {
    const id = secureId(address, createRng(1), seed);
    expect(id[19]).toBe(seed);
    const bits = (hex: string): number => Number.parseInt(hex, 16) >> 3;
    expect(bits(toHex(id).slice(0, 6))).toBe(bits(prefix));
    expect(isSecureId(id, address)).toBe(true);
    id[0] = (id[0] ?? 0) ^ 0x80;
    expect(isSecureId(id, address)).toBe(false);
  });

  it("knows IPv6, and lets local addresses have any id", () => {
    const id = secureId("2001:db8:85a3:8d3:1319:8a2e:370:7348", createRng(1), 1);
    expect(toHex(id).slice(0, 5)).toBe("8113d");
    expect(isSecureId(new Uint8Array(20), "192.168.1.1")).toBe(true);
  });
});

describe("BEP 33", () => {
  it("makes the filter of the example", () => {
    const bloom = new Uint8Array(BLOOM_SIZE);
    const add = (address: string): void =>
      addToBloom(bloom, portableCrypto.sha1(parseIp(address) as Uint8Array));
    for (let i = 0; i < 256; i++) add(`192.0.2.${i}`);
    expect(estimateBloom(bloom)).toBeCloseTo(257.855, 2);
    for (let i = 0; i <= 0x3e7; i++) add(`2001:db8::${i.toString(16)}`);
    expect(toHex(bloom).startsWith("f6c3f5eaa07ffd91bde89f777f26fb2b")).toBe(true);
    expect(toHex(bloom).endsWith("737ffffbfd9f6aeffeee76b6fd8f72ef")).toBe(true);
    expect(estimateBloom(bloom)).toBeCloseTo(1224.93, 2);
  });
});

describe("BEP 44", () => {
  const publicKey = bytes("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
  const encoded = ascii("12:Hello World!");
  const none = new Uint8Array(0);

  it.each([
    [
      "",
      "4a533d47ec9c7d95b1ad75f576cffc641853b750",
      `305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff
       1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01`,
    ],
    [
      "foobar",
      "411eba73b6f087ca51a3795d9c8c938d365e32c1",
      `6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d
       df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08`,
    ],
  ])("knows the mutable item with salt '%s'", (text, target, hex) => {
    const salt = ascii(text);
    const signed = { publicKey, salt, seq: 1n, signature: bytes(hex) };
    for (const crypto of [portableCrypto, nodeCrypto]) {
      expect(toHex(mutableTarget(crypto, publicKey, salt))).toBe(target);
      expect(isGenuine(crypto, encoded, signed)).toBe(true);
      expect(isGenuine(crypto, encoded, { ...signed, seq: 2n })).toBe(false);
      expect(isGenuine(crypto, ascii("12:Hello World?"), signed)).toBe(false);
      expect(isGenuine(crypto, encoded, { ...signed, signature: none })).toBe(false);
    }
  });

  it("signs what the BEP says, by any signer", async () => {
    const message = signedBytes(encoded, ascii("foobar"), 1n);
    expect(new TextDecoder().decode(message)).toBe("4:salt6:foobar3:seqi1e1:v12:Hello World!");
    const seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    const portable = portableSigner(seed);
    const native = nodeSigner(seed);
    expect(toHex(portable.publicKey)).toBe(toHex(native.publicKey));
    expect(toHex(await portable.sign(message))).toBe(toHex(await native.sign(message)));
  });

  it("knows the immutable item", () => {
    expect(toHex(immutableTarget(portableCrypto, encoded))).toBe(
      "e5f96f6f38320f0f33959cb4d3d656452117aadb",
    );
  });
});

describe("BEP 46", () => {
  const publicKey = bytes("8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e");

  it("finds where a mutable torrent lies", () => {
    expect(toHex(mutableTarget(portableCrypto, publicKey, new Uint8Array(0)))).toBe(
      "cc3f9d90b572172053626f9980ce261a850d050b",
    );
    expect(toHex(mutableTarget(portableCrypto, publicKey, bytes("6e")))).toBe(
      "59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f",
    );
  });
});

describe("BEP 5", () => {
  it("reads the examples", () => {
    const ping = ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
    expect(decodeKrpc(ping)).toMatchObject({ kind: "query", method: "ping", readOnly: false });
    const reply = ascii("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re");
    expect(decodeKrpc(reply)).toMatchObject({ kind: "reply", id: ascii("mnopqrstuvwxyz123456") });
    const error = ascii("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
    expect(decodeKrpc(error)).toMatchObject({ code: 201, message: "A Generic Error Ocurred" });
    expect(encodeError(ascii("aa"), 201, "A Generic Error Ocurred")).toEqual(error);
  });

  it("answers what has no arguments by an error only", () => {
    const message = decodeKrpc(encode({ q: "ping", t: "aa", y: "q" }));
    expect(message?.kind).toBe("malformed");
    expect(decodeKrpc(ascii("hello there, this is no message"))).toBeUndefined();
    expect(decodeKrpc(concatBytes([ascii("d1:t200:"), new Uint8Array(200)]))).toBeUndefined();
  });

  it("says that it only reads (BEP 43)", () => {
    const id = new Uint8Array(20);
    const query = encodeQuery(ascii("aa"), "ping", { id }, true);
    expect(decodeKrpc(query)).toMatchObject({ readOnly: true });
  });
});
