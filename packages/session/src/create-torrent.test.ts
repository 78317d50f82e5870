import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { parseTorrent } from "@shoal/metainfo";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MANY_FILES, randomBytes, Workshop, write } from "../testing/workshop.ts";
import { createTorrent } from "./create-torrent.ts";

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

describe("createTorrent", () => {
  it("takes every file of a folder, sorted by bytes, and what it is told", async () => {
    const bytes = await shop.torrent("in", MANY_FILES, {
      trackers: [["http://a/announce", "http://b/announce"], ["udp://c:1"]],
      webSeeds: ["http://d/"],
      isPrivate: true,
      comment: "hello",
      source: "here",
      creationDate: 1_000_000_000,
    });
    const made = parseTorrent(bytes);
    expect(made.files.map(({ path, length }) => [path.join("/"), length])).toEqual([
      ["payload/a/b/empty", 0],
      ["payload/a/b/ünï.txt", 70_000],
      ["payload/a/first.bin", 300_001],
      ["payload/second.bin", 123_457],
      ["payload/tiny.txt", 3],
    ]);
    expect(made).toMatchObject({
      trackers: [["http://a/announce", "http://b/announce"], ["udp://c:1"]],
      isPrivate: true,
      comment: "hello",
      source: "here",
      createdBy: expect.stringContaining("Shoal"),
    });
    expect(made.geometry.pieceLength).toBe(32_768);
  });

  it("takes a single file by its name, and marks what can be executed", async () => {
    write(shop.path("run.sh"), randomBytes(10, 1));
    chmodSync(shop.path("run.sh"), 0o755);
    const made = parseTorrent(await createTorrent(shop.path("run.sh"), { name: "walk.sh" }));
    expect(made.name).toBe("walk.sh");
    expect(made.files).toMatchObject([{ path: ["walk.sh"], length: 10, executable: true }]);
  });

  it("leaves out symbolic links, so that nothing outside is published", async () => {
    write(shop.path("secret"), randomBytes(10, 1));
    write(shop.path("in/file"), randomBytes(10, 2));
    symlinkSync(shop.path("secret"), shop.path("in/link"));
    const made = parseTorrent(await createTorrent(shop.path("in")));
    expect(made.files.map(({ path }) => path.join("/"))).toEqual(["in/file"]);
  });

  it("gives equal torrents for equal files", async () => {
    const options = { creationDate: 1 };
    const first = await shop.torrent("one", MANY_FILES, options);
    expect(await shop.torrent("two", MANY_FILES, options)).toEqual(first);
  });

  it("tells how far it is, up to all", async () => {
    const seen: [number, number][] = [];
    await shop.torrent("in", MANY_FILES, { onProgress: (...told) => seen.push(told) });
    expect(seen.at(-1)).toEqual([493_461, 493_461]);
    expect(seen.map(([hashed]) => hashed)).toEqual(seen.map(([n]) => n).sort((a, b) => a - b));
  });

  it("refuses what holds nothing", async () => {
    mkdirSync(shop.path("none"));
    writeFileSync(shop.path("empty"), "");
    for (const name of ["none", "empty"]) {
      const making = createTorrent(shop.path(name));
      await expect(making).rejects.toMatchObject({ code: "ERR_SESSION_SOURCE" });
    }
    await expect(createTorrent(shop.path("missing"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("stops when it is told to", async () => {
    const stopped = new AbortController();
    stopped.abort(new Error("enough"));
    const making = shop.torrent("in", MANY_FILES, { signal: stopped.signal });
    await expect(making).rejects.toThrow("enough");
  });
});
