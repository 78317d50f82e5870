// opentracker, the tracker that large public sites run; Debian's build serves listed torrents over IPv4.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@shoal/core";
import { startChild } from "./child.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** A running tracker that others wrote. */
export interface ForeignTracker {
  /** Announce URLs. */
  readonly http: string;
  readonly udp: string;
  close(): Promise<void>;
}

/**
 * Starts it on 127.0.0.1.
 *
 * @param infoHashes The torrents that it serves.
 */
export async function startOpentracker(infoHashes: readonly Uint8Array[]): Promise<ForeignTracker> {
  const dir = await mkdtemp(join(tmpdir(), "shoal-opentracker-"));
  // Started by root it locks itself up in `dir` and gives up its rights, then reads the list.
  await chmod(dir, 0o755);
  const list = join(dir, "list");
  await writeFile(list, infoHashes.map((hash) => `${toHex(hash)}\n`).join(""));
  const port = await freePort("127.0.0.1");
  const seenList = process.getuid?.() === 0 ? "/list" : list;
  const at = ["-i", "127.0.0.1", "-p", `${port}`, "-P", `${port}`];
  const child = startChild({
    command: "opentracker",
    args: [...at, "-d", dir, "-w", seenList],
    cwd: dir,
  });
  const close = async (): Promise<void> => {
    await child.close();
    await rm(dir, { recursive: true });
  };
  const http = `http://127.0.0.1:${port}/announce`;
  try {
    await until("opentracker: up", () =>
      Promise.race([fetch(http).then(() => true as const, refused), child.failed]),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { http, udp: `udp://127.0.0.1:${port}/announce`, close };
}

/** `fetch` throws a TypeError while nobody listens. */
function refused(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}
