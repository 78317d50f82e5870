// Shoal itself, through its public API and in this process, as one more client to put in a pair.
import { formatEndpoint } from "@shoal/core";
import { createSession } from "@shoal/session";
import type { ForeignClient } from "./client.ts";
import { inTime } from "./wait.ts";

export const shoal: ForeignClient = {
  name: "shoal",
  dials: true,
  makesEmptyFiles: true,
  async start({ role, torrentFile, magnet, dir, address, find, downloadLimit }) {
    const session = await createSession({
      bind: [address],
      port: 0,
      downloadRateLimit: downloadLimit ?? Number.POSITIVE_INFINITY,
      trackers: false,
      dht: find?.by === "dht" && { bootstrap: [formatEndpoint(find.node)] },
      lsd: find?.by === "lsd",
      pex: find?.by === "pex",
      metadata: true,
      webSeeds: false,
      portMapping: false,
    });
    const log: string[] = [];
    const note = (event: string, what: unknown): void => void log.push(`${event}: ${String(what)}`);
    try {
      const torrent = await session.add(magnet ?? torrentFile, { path: dir });
      torrent.on("state", (state) => note("state", state));
      torrent.on("connected", (peer) => note("connected", `${peer.address} ${peer.port}`));
      torrent.on("disconnected", ({ error }) => note("disconnected", error));
      torrent.on("banned", ({ reason }) => note("banned", reason));
      torrent.on("warning", (warning) => note("warning", warning));
      torrent.on("error", (error) => note("error", error));
      const met = torrent.once("connected");
      const finished = (): Promise<void> => inTime("shoal: finished", torrent.completed());
      if (role === "seed") await finished();
      return {
        endpoint: { address, port: session.port },
        dial: async (peer) => torrent.addPeers([peer]),
        connected: async () => void (await inTime("shoal: connected", met)),
        finished,
        close: () => session.close(),
        logs: () => `${log.join("\n")}\n${JSON.stringify(torrent.progress)}`,
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
};
