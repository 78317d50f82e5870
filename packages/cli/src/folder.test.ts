import { mkdirSync, statSync, symlinkSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Shop } from "../testing/shop.ts";
import { prepareFolder } from "./folder.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

it("makes folders above folders", async () => {
  await prepareFolder(shop.path("a/b/c"));
  expect(statSync(shop.path("a/b/c")).isDirectory()).toBe(true);
});

it("takes what is there, a link to a folder too", async () => {
  mkdirSync(shop.path("there"));
  symlinkSync("there", shop.path("link"));
  await expect(prepareFolder(shop.path("there"))).resolves.toBeUndefined();
  await expect(prepareFolder(shop.path("link"))).resolves.toBeUndefined();
});

it.each(["file", "file/below"])("refuses where a file is in the way: %s", async (name) => {
  shop.write("file", "x");
  await expect(prepareFolder(shop.path(name))).rejects.toMatchObject({
    code: "ERR_CLI_FOLDER",
    message: expect.stringMatching(/^can't download to '[^']+': '[^']+' .+; choose another/),
  });
});

it.runIf(process.platform === "linux")("refuses where nothing can be made, and ends", async () => {
  await expect(prepareFolder("/proc/shoal/folder")).rejects.toMatchObject({
    code: "ERR_CLI_FOLDER",
    message: expect.stringContaining("no folder can be made there"),
  });
});
