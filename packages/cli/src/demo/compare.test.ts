import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Shop } from "../../testing/shop.ts";
import { compareFiles } from "./compare.ts";

const FILES = { "a/big.bin": 2_500_000, "a/empty": 0, "b.bin": 7 };

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
  shop.fill("one", FILES);
  shop.fill("other", FILES);
});
afterEach(() => shop.close());

const compare = (): Promise<void> => compareFiles(shop.path("one"), shop.path("other"));

it("is content with equal folders", async () => {
  await expect(compare()).resolves.toBeUndefined();
});

it("finds a byte that differs", async () => {
  shop.write("other/a/big.bin", new Uint8Array(2_500_000));
  await expect(compare()).rejects.toMatchObject({
    code: "ERR_CLI_DATA",
    message: expect.stringContaining("'a/big.bin' differs"),
  });
});

it("finds another length", async () => {
  shop.write("other/a/empty", "x");
  await expect(compare()).rejects.toThrow("'a/empty' differs");
});

it.each(["one", "other"])("finds a file that %s lacks", async (place) => {
  rmSync(shop.path(place, "b.bin"));
  await expect(compare()).rejects.toThrow("'b.bin' is not in both");
});
