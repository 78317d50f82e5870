// transmission-daemon 3.00, driven through its RPC.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { ForeignClient, RunningClient, StartOptions } from "./client.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** `status` of a torrent that is complete and uploads. */
const SEEDING = 6;
/** `status` of a torrent that is incomplete and downloads. */
const DOWNLOADING = 4;

interface TorrentStatus {
  readonly status: number;
  readonly leftUntilDone: number;
  readonly error: number;
  readonly errorString: string;
  readonly peersConnected: number;
}

/**
 * Has no way to be told of a peer, and ignores loopback peers that a tracker names: dial it. It moves
 * the first block only some 13 s after that, whoever the peer is.
 */
export const transmission: ForeignClient = {
  name: "transmission",
  dials: false,
  makesEmptyFiles: false,
  async start(options) {
    // Elsewhere it is alone: any port is free.
    const port = await freePort(options.runner === undefined ? options.address : "127.0.0.1");
    const rpc = new Rpc(rpcHost(options), await freePort("127.0.0.1"));
    await writeFile(
      join(options.work, "settings.json"),
      JSON.stringify(settings(options, port, rpc)),
    );
    const words = ["transmission-daemon", "--foreground", "--config-dir", options.work];
    const [command = "", ...args] = [...(options.runner ?? []), ...words];
    const child = startChild({ command, args, cwd: options.work });
    try {
      await until("transmission: RPC up", () => answer(child, rpc, "session-get", {}));
      await rpc.call("torrent-add", { filename: options.magnet ?? options.torrentFile });
      const wanted = options.role === "seed" ? SEEDING : DOWNLOADING;
      await reached(child, rpc, `status ${wanted}`, ({ status }) => status === wanted);
    } catch (error) {
      await child.close();
      throw error;
    }
    return running(options, port, child, rpc);
  },
};

function running({ address }: StartOptions, port: number, child: Child, rpc: Rpc): RunningClient {
  return {
    endpoint: { address, port },
    dial: () => Promise.reject(new Error("expected to be dialled: transmission takes no peers")),
    connected: () => reached(child, rpc, "connected", ({ peersConnected }) => peersConnected > 0),
    finished: () =>
      reached(
        child,
        rpc,
        "finished",
        ({ status, leftUntilDone }) => status === SEEDING && leftUntilDone === 0,
      ),
    close: () => child.close(),
    logs: () => child.logs(),
  };
}

async function reached(
  child: Child,
  rpc: Rpc,
  what: string,
  isThere: (torrent: TorrentStatus) => boolean,
): Promise<void> {
  const fields = ["status", "leftUntilDone", "error", "errorString", "peersConnected"];
  await until(`transmission: ${what}`, async () => {
    const found = await answer(child, rpc, "torrent-get", { fields });
    const torrent = (found as { torrents?: TorrentStatus[] } | undefined)?.torrents?.[0];
    if (torrent === undefined) return undefined;
    if (torrent.error !== 0) throw new Error(`transmission: ${torrent.errorString}`);
    return isThere(torrent) ? true : undefined;
  });
}

/** The answer, or `undefined` while the daemon does not listen yet. */
async function answer(child: Child, rpc: Rpc, method: string, args: object): Promise<unknown> {
  const asked = rpc.call(method, args).catch((error: unknown) => {
    if (error instanceof TypeError) return undefined; // fetch: connection refused
    throw error;
  });
  return Promise.race([asked, child.failed]);
}

/** It takes IPv4 only. */
function rpcHost({ address }: StartOptions): string {
  return address.includes(":") ? "127.0.0.1" : address;
}

class Rpc {
  readonly host: string;
  readonly port: number;
  #sessionId = "";

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  async call(method: string, args: object): Promise<unknown> {
    const body = JSON.stringify({ method, arguments: args });
    const headers = { "X-Transmission-Session-Id": this.#sessionId };
    const response = await fetch(`http://${this.host}:${this.port}/transmission/rpc`, {
      method: "POST",
      body,
      headers,
    });
    const sessionId = response.headers.get("X-Transmission-Session-Id");
    if (response.status === 409 && sessionId !== null) {
      this.#sessionId = sessionId;
      await response.text();
      return this.call(method, args);
    }
    const reply = (await response.json()) as { result: string; arguments: unknown };
    if (reply.result !== "success") throw new Error(`transmission: ${method}: ${reply.result}`);
    return reply.arguments;
  }
}

function settings(
  { address, dir, find, downloadLimit }: StartOptions,
  port: number,
  rpc: Rpc,
): object {
  return {
    "bind-address-ipv4": address.includes(":") ? "127.0.0.1" : address,
    "bind-address-ipv6": address.includes(":") ? address : "::1",
    "dht-enabled": false,
    "download-dir": dir,
    encryption: 0,
    "incomplete-dir-enabled": false,
    "lpd-enabled": find?.by === "lsd",
    "message-level": 2,
    "peer-port": port,
    "pex-enabled": find?.by === "pex",
    "port-forwarding-enabled": false,
    "rename-partial-files": false,
    "rpc-authentication-required": false,
    "rpc-bind-address": rpc.host,
    "rpc-host-whitelist-enabled": false,
    "rpc-port": rpc.port,
    "rpc-whitelist-enabled": false,
    "speed-limit-down": Math.ceil((downloadLimit ?? 0) / 1000),
    "speed-limit-down-enabled": downloadLimit !== undefined,
    "utp-enabled": false,
  };
}
