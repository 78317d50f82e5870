// Downloads from web servers alone: files of nginx and of Node's own server, pieces of a script.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createSession } from "@shoal/session";
import { afterAll, beforeAll, it } from "vitest";
import { startNginx } from "./nginx.ts";
import {
  differences,
  makePayload,
  makeTorrent,
  type Payload,
  type PayloadKind,
  type WebSeeds,
} from "./payloads.ts";
import { inTime } from "./wait.ts";
import { startFileServer, startScript } from "./web-server.ts";

const PIECE_LENGTH = 64 * 1024;
const SERVERS = {
  nginx: (payload: string, _: string, address: string) => startNginx(dirname(payload), address),
  node: (payload: string, _: string, address: string) => startFileServer(dirname(payload), address),
  script: (payload: string, torrentFile: string, address: string) =>
    startScript(dirname(payload), torrentFile, address),
} as const;

interface Case {
  readonly kind: PayloadKind;
  readonly server: keyof typeof SERVERS;
  readonly address: string;
  /** Where the session learns of the server; by default from the torrent. */
  readonly namedBy?: "torrent" | "user";
}

const KINDS: readonly PayloadKind[] = ["single", "multi", "odd"];

let root: string;
const payloads = new Map<PayloadKind, Payload>();
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shoal-webseed-"));
  const source = join(root, "source");
  await mkdir(source);
  for (const kind of KINDS) payloads.set(kind, await makePayload(kind, source));
});
afterAll(() => rm(root, { recursive: true }));

/** Downloads a torrent that names the server, or whose user does, and compares what came. */
async function download({
  kind,
  server,
  address,
  namedBy = "torrent",
}: Case): Promise<readonly string[]> {
  const payload = payloads.get(kind) as Payload;
  const here = await mkdtemp(join(root, "download-"));
  const torrentFile = join(here, "x.torrent");
  await makeTorrent(payload, PIECE_LENGTH, "libtorrent", torrentFile);
  const web = await SERVERS[server](payload.root, torrentFile, address);
  const session = await createSession({
    bind: [address],
    listen: false,
    trackers: false,
    dht: false,
    lsd: false,
    pex: false,
    metadata: false,
    webSeeds: true,
    portMapping: false,
  });
  try {
    const seeds: WebSeeds =
      server === "script" ? { httpSeeds: [web.url] } : { webSeeds: [web.url] };
    const named = namedBy === "torrent" ? seeds : {};
    await makeTorrent(payload, PIECE_LENGTH, "libtorrent", torrentFile, named);
    const torrent = await session.add(torrentFile, {
      path: here,
      webSeeds: namedBy === "user" ? [web.url] : [],
    });
    const failed = torrent.once("error").then((error) => Promise.reject(error));
    await inTime("the download", Promise.race([torrent.completed(), failed]));
  } catch (error) {
    throw new Error(`${String(error)}\n${web.logs()}`, { cause: error });
  } finally {
    await session.close();
    await web.close();
  }
  const copy = join(here, basename(payload.root));
  return differences(payload.root, copy, { emptyFiles: true });
}

it.concurrent.for<Case>([
  { kind: "single", server: "nginx", address: "127.0.0.1" },
  { kind: "multi", server: "nginx", address: "::1" },
  { kind: "odd", server: "nginx", address: "127.0.0.1" },
  { kind: "single", server: "node", address: "::1", namedBy: "user" },
  { kind: "multi", server: "node", address: "127.0.0.1" },
  { kind: "odd", server: "node", address: "::1" },
  { kind: "single", server: "script", address: "127.0.0.1" },
  { kind: "multi", server: "script", address: "::1" },
])("$kind from $server at $address", async (one, { expect }) => {
  expect(await download(one)).toEqual([]);
});
