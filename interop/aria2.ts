// aria2, driven through its JSON-RPC; it learns of peers from a tracker that the driver runs.
import { join } from "node:path";
import { formatEndpoint } from "@shoal/core";
import { type AnnounceServer, startAnnounceServer } from "./announce-server.ts";
import { startChild } from "./child.ts";
import type { ForeignClient, StartOptions } from "./client.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

interface Download {
  readonly status: string;
  readonly errorMessage?: string;
  /** `"true"` once every piece is there and verified. */
  readonly seeder?: string;
  /** How many peers it has shaken hands with, in decimal. */
  readonly connections?: string;
}

export const aria2: ForeignClient = {
  name: "aria2",
  dials: true,
  makesEmptyFiles: true,
  async start(options) {
    const port = await freePort(options.address);
    const rpcPort = await freePort("127.0.0.1");
    const tracker = await startAnnounceServer(options.address);
    const child = startChild({
      command: "aria2c",
      args: args(options, port, rpcPort, tracker),
      cwd: options.work,
    });
    const close = async (): Promise<void> => {
      await child.close();
      await tracker.close();
    };
    const reached = (what: string, isThere: (download: Download) => boolean): Promise<true> =>
      until(`aria2: ${what}`, async () => {
        const download = await Promise.race([theDownload(rpcPort), child.failed]);
        if (download?.status === "error") throw new Error(`aria2: ${download.errorMessage}`);
        return download !== undefined && isThere(download) ? true : undefined;
      });
    const isSeeder = ({ seeder }: Download): boolean => seeder === "true";
    try {
      await reached(
        "ready",
        options.role === "seed" ? isSeeder : ({ status }) => status === "active",
      );
    } catch (error) {
      await close();
      throw error;
    }
    return {
      endpoint: { address: options.address, port },
      dial: async (peer) => tracker.name(peer),
      connected: async () =>
        void (await reached("connected", ({ connections = "0" }) => connections !== "0")),
      finished: async () => void (await reached("finished", isSeeder)),
      close,
      logs: () => `${child.logs()}\nannounces: ${tracker.announces()}`,
    };
  },
};

function args(
  { role, torrentFile, magnet, dir, address, work }: StartOptions,
  port: number,
  rpcPort: number,
  tracker: AnnounceServer,
): string[] {
  return [
    "--no-conf",
    `--dir=${dir}`,
    ...(magnet === undefined ? [`--torrent-file=${torrentFile}`] : []),
    "--follow-torrent=false",
    `--listen-port=${port}`,
    `--interface=${address}`,
    `--disable-ipv6=${!address.includes(":")}`,
    "--enable-rpc",
    `--rpc-listen-port=${rpcPort}`,
    `--bt-tracker=http://${formatEndpoint(tracker.endpoint)}/announce`,
    "--bt-tracker-interval=1",
    `--check-integrity=${role === "seed"}`,
    "--allow-overwrite=true",
    "--seed-ratio=0.0",
    "--bt-enable-lpd=false",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--enable-peer-exchange=false",
    "--file-allocation=none",
    "--show-console-readout=false",
    "--summary-interval=0",
    "--console-log-level=notice",
    `--log=${join(work, "aria2.log")}`,
    "--log-level=notice",
    ...(magnet === undefined ? [] : [magnet]),
  ];
}

/** The one download, or `undefined` while aria2 does not answer or has not loaded it yet. */
async function theDownload(rpcPort: number): Promise<Download | undefined> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: "1",
    method: "system.multicall",
    params: [
      [
        { methodName: "aria2.tellActive", params: [] },
        { methodName: "aria2.tellStopped", params: [0, 1] },
      ],
    ],
  });
  try {
    const response = await fetch(`http://127.0.0.1:${rpcPort}/jsonrpc`, { method: "POST", body });
    const { result } = (await response.json()) as { result: [[Download[]], [Download[]]] };
    return result.flat(2)[0];
  } catch (error) {
    if (error instanceof TypeError) return undefined; // fetch: connection refused
    throw error;
  }
}
