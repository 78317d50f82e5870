// Shoal itself, through its public API and in this process, as one more client to put in a pair.
import { createSession } from "@shoal/session";
import type { ForeignClient } from "./client.ts";
import { inTime } from "./wait.ts";

export const shoal: ForeignClient = {
  name: "shoal",
  dials: true,
  makesEmptyFiles: true,
  async start({ role, torrentFile, magnet, dir, address }) {
    const session = await createSession({ bind: [address], port: 0, trackers: false, dht: false });
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
      const finished = (): Promise<void> => inTime("shoal: finished", torrent.completed());
      if (role === "seed") await finished();
      return {
        endpoint: { address, port: session.port },
        dial: async (peer) => torrent.addPeers([peer]),
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
