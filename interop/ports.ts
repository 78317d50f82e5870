// Free TCP ports, for clients that can't be told to choose one themselves.
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to outgoing connections, so that none of those takes it. */
const LOWEST = 12_000;
const HIGHEST = 32_000;

const given = new Set<number>();

/** A port that nothing listens on at `address`; never the same one twice. */
export async function freePort(address: string): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!given.has(port) && (await isFree(address, port))) {
      given.add(port);
      return port;
    }
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer().listen({ host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
