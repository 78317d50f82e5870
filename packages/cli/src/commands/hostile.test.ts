// Bad input as the command line meets it: a clear line, an exit code, nothing written elsewhere.
import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Running, Shop } from "../../testing/shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

const text = (value: string): string => `${Buffer.byteLength(value)}:${value}`;

/** A torrent of one file with these fields of its info dictionary, in bencode. */
function torrentOf({ length = "i1e", name = text("a"), files = "", data = "" }): Uint8Array {
  const what = files === "" ? `6:length${length}` : `5:files${files}`;
  return Buffer.concat([
    Buffer.from(`d4:infod${what}4:name${name}12:piece lengthi16384e6:pieces20:`),
    hash("sha1", data, "buffer"),
    Buffer.from("ee"),
  ]);
}

describe.each(["info", "download", "check"])("%s refuses", (command) => {
  const args = (): string[] => {
    if (command === "info") return [];
    return command === "check"
      ? ["--data", shop.path("out")]
      : ["-o", shop.path("out"), "--no-tracker"];
  };

  it.each([
    ["an empty file", "", "ERR_METAINFO_BENCODE"],
    ["what is no bencode", "<html>", "ERR_METAINFO_BENCODE"],
    ["deep nesting", "l".repeat(100_000), "ERR_METAINFO_BENCODE"],
    ["no dictionary", "i1e", "ERR_METAINFO_NOT_A_DICTIONARY"],
    ["no info", "d1:ai1ee", "ERR_METAINFO_MISSING_INFO"],
    ["2^60 bytes", torrentOf({ length: `i${2n ** 60n}e` }), "ERR_METAINFO_FILE_LENGTH"],
    ["a negative length", torrentOf({ length: "i-1e" }), "ERR_METAINFO_FILE_LENGTH"],
    [
      "a length of a thousand digits",
      torrentOf({ length: `i${"9".repeat(1000)}e` }),
      "ERR_METAINFO_BENCODE",
    ],
    ["more data than pieces", torrentOf({ length: "i999999e" }), "ERR_METAINFO_PIECE_COUNT"],
    ["no files", torrentOf({ files: "le" }), "ERR_METAINFO_NO_FILES"],
  ])("%s", async (_, content, errorCode) => {
    const file = shop.write("bad.torrent", content);
    const { code, out, err } = await shop.shoal(command, file, ...args());
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(
      new RegExp(
        `^error: '[^']+bad\\.torrent' is no usable torrent: [^\\n]+ \\(${errorCode}\\)\\n$`,
      ),
    );
    expect(readdirSync(shop.folder)).toEqual(["bad.torrent"]);
  });

  it("a folder, and what is not there", async () => {
    const folder = await shop.shoal(command, shop.folder, ...args());
    expect(folder).toMatchObject({ code: 1, err: expect.stringMatching(/^error: [^\n]+\n$/) });
    const nothing = await shop.shoal(command, shop.path("no.torrent"), ...args());
    expect(nothing.err).toMatch(
      /^error: '[^']+no\.torrent' does not exist; check the path \(ENOENT\)\n$/,
    );
    expect(nothing.code).toBe(1);
  });

  it("a payload of 11 MB in place of its torrent", async () => {
    const file = shop.write("film.mkv", new Uint8Array(11_000_000));
    const { code, err } = await shop.shoal(command, file, ...args());
    expect(code).toBe(1);
    expect(err).toMatch(/^error: '[^']+film\.mkv' has 11000000 bytes; [^\n]+\n$/);
  });
});

it("info ends every cut or changed torrent with a result or one clear line", async () => {
  const bytes = readFileSync(await shop.torrent({ "one.bin": 40_000, "b/two.bin": 5 }));
  const mutation = fc.record({
    cut: fc.nat(bytes.length),
    at: fc.nat(bytes.length - 1),
    byte: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(mutation, async ({ cut, at, byte }) => {
      const changed = Uint8Array.from(bytes.subarray(0, cut));
      if (at < cut) changed[at] = byte;
      const { code, err } = await shop.shoal("info", shop.write("x.torrent", changed));
      return code === 0
        ? err === ""
        : code === 1 && /^error: [^\n]+ \(ERR_METAINFO_\w+\)\n$/.test(err);
    }),
    { numRuns: 300 },
  );
});

describe("paths that lead outside stay inside", () => {
  it.each([
    `l${text("..")}${text("..")}${text("evil")}e`,
    `l${text("/etc/")}${text("evil")}e`,
    `l${text("")}${text("evil")}e`,
    `l${text("../../evil")}e`,
    `l${text("..\\..\\evil")}e`,
  ])("%s", async (path) => {
    const files = `ld6:lengthi1e4:path${path}ee`;
    const file = shop.write(
      "evil.torrent",
      torrentOf({ files, name: text("../../up"), data: "a" }),
    );
    const { lines } = await shop.shoal("info", file, "--json");
    const [entry] = lines[0]?.files ?? [];
    shop.write(`seed/${entry?.path}`, "a");
    const { peer } = await shop.seed(file);
    expect((await shop.download(file, "--peer", peer)).code).toBe(0);
    expect(readdirSync(shop.folder).sort()).toEqual(["evil.torrent", "leech", "seed"]);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
    expect(Object.values(shop.read("leech"))).toEqual(["61"]);
  });
});

describe("places", () => {
  it("a folder that can't be made", async () => {
    const torrent = await shop.torrent();
    const file = shop.write("file", "in the way");
    const { code, err } = await shop.shoal("download", torrent, "-o", `${file}/sub`);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: can't download to '[^']+': [^\n]+ \(ERR_CLI_FOLDER\)\n$/);
    expect(readFileSync(file, "utf8")).toBe("in the way");
  });

  it("a folder where a file of the torrent should go", async () => {
    const torrent = await shop.torrent({ "one.bin": 100 });
    const { peer } = await shop.seed(torrent);
    shop.write("out/payload/one.bin/inside", "x");
    const to = ["-o", shop.path("out"), "--peer", peer];
    const { code, err } = await shop.shoal("download", torrent, ...to);
    expect(err).toMatch(/^error: [^\n]+ \(ERR_DISK_\w+\)\n$/);
    expect(code).toBe(1);
  });

  it("a torrent file that can't be written", async () => {
    const payload = shop.write("one.bin", "x");
    const { code, err } = await shop.shoal(
      "create",
      payload,
      "-o",
      shop.path("no/folder/x.torrent"),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/^error: '[^']+x\.torrent' does not exist; check the path \(ENOENT\)\n$/);
  });
});

it("a port in use", async () => {
  const torrent = await shop.torrent();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const port = String((server.address() as AddressInfo).port);
  const options = ["-o", shop.path("out"), "--port", port];
  const { code, err } = await shop.shoal("download", torrent, ...options);
  server.close();
  expect(code).toBe(1);
  expect(err).toMatch(
    /^error: listening at [^\n]+another program has that port[^\n]+ \(ERR_NET_ADDRESS_IN_USE\)\n$/,
  );
});

it("a peer whose name has no address", async () => {
  const torrent = await shop.torrent();
  const options = ["-o", shop.path("out"), "--peer", "no-such-host.invalid:1"];
  const { code, err } = await shop.shoal("download", torrent, ...options);
  expect(code).toBe(1);
  expect(err).toMatch(
    /^error: no address is known for the peer 'no-such-host\.invalid'; [^\n]+ \(ERR_CLI_PEER\)\n$/,
  );
});

it.each(["seed", "check"])("a magnet link is no torrent for %s", async (command) => {
  const magnet = `magnet:?xt=urn:btih:${"0".repeat(40)}`;
  const { code, err } = await shop.shoal(command, magnet, "--data", shop.folder);
  expect(code).toBe(1);
  expect(err).toMatch(/^error: this needs the torrent file; [^\n]+ \(ERR_CLI_MAGNET\)\n$/);
});

it("a malformed magnet link", async () => {
  const { code, err } = await shop.shoal("info", "magnet:?xt=urn:btih:xyz");
  expect(code).toBe(1);
  expect(err).toMatch(/^error: expected [^\n]+ \(ERR_METAINFO_MAGNET_HASH\)\n$/);
});

describe("trackers that", () => {
  const warned = async (url: string): Promise<{ running: Running; warning: unknown }> => {
    const torrent = await shop.torrent({ "one.bin": 1000 }, "--tracker", url);
    const running = shop.start("download", torrent, "-o", shop.path("out"), "--json");
    const { code } = await running.line("warning");
    return { running, warning: code };
  };

  it.each([
    ["are not there", "http://127.0.0.1:9/announce", "ERR_TRACKER_UNREACHABLE"],
    ["have no address", "http://no-such-host.invalid/announce", "ERR_TRACKER_UNREACHABLE"],
  ])("%s are told of, and the download waits for peers", async (_, url, errorCode) => {
    const { running, warning } = await warned(url);
    expect(warning).toBe(errorCode);
    expect(await running.leave()).toBe(130);
  });

  it.each([
    ["answer nonsense", (): string => "<html>", "ERR_TRACKER_MALFORMED"],
    ["refuse", (): string => "d14:failure reason7:go awaye", "ERR_TRACKER_REFUSED"],
    ["answer 100 MB", (): Uint8Array => new Uint8Array(100_000_000), "ERR_TRACKER_UNREACHABLE"],
  ])("%s do no harm", async (_, answer, errorCode) => {
    const server = createHttpServer((_request, response) => response.end(answer()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { running, warning } = await warned(`http://127.0.0.1:${port}/announce`);
    expect(warning).toBe(errorCode);
    expect(await running.leave()).toBe(130);
    server.close();
    server.closeAllConnections();
  });
});
