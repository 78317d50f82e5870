// nginx as Debian builds it, for the files in a folder.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatEndpoint } from "@shoal/core";
import { startChild } from "./child.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";
import type { WebServer } from "./web-server.ts";

/** Starts it on a free port of the address. */
export async function startNginx(root: string, address: string): Promise<WebServer> {
  const at = formatEndpoint({ address, port: await freePort(address) });
  const work = await mkdtemp(join(tmpdir(), "shoal-nginx-"));
  const config = join(work, "nginx.conf");
  await writeFile(config, configuration(root, at));
  const child = startChild({
    command: "nginx",
    args: ["-p", work, "-c", config, "-e", "stderr"],
    cwd: work,
  });
  const close = async (): Promise<void> => {
    await child.close();
    await rm(work, { recursive: true });
  };
  const url = `http://${at}/`;
  try {
    await until("nginx: up", () =>
      Promise.race([fetch(url).then(() => true as const, refused), child.failed]),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { url, logs: () => child.logs(), close };
}

/** As root it would serve as a user who may not read temporary folders. */
function configuration(root: string, listen: string): string {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    daemon off;
    error_log stderr;
    pid nginx.pid;
    ${process.getuid?.() === 0 ? "user root;" : ""}
    events {}
    http {
      access_log off;
      ${folders.map((name) => `${name}_temp_path ${name};`).join("\n      ")}
      server {
        listen ${listen};
        root ${root};
      }
    }`;
}

/** `fetch` throws a TypeError while nobody listens. */
function refused(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}
