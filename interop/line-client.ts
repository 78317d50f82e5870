// Drives a client that is a program of our own around a library: JSON lines in and out.
import { startChild } from "./child.ts";
import type { RunningClient, StartOptions } from "./client.ts";
import { inTime } from "./wait.ts";

/**
 * Starts a program that gets the {@link StartOptions} as its one JSON argument and writes
 * `{"event":"listening","port":N}`, then `{"event":"ready"}` once it may be dialled (as a seed: once
 * all is verified), then `{"event":"finished"}` when it has everything, and at any time `{"event":"connected"}`; it reads
 * `{"do":"dial","address":…,"port":N}`, and stops at the end of its input.
 */
export async function startLineClient(
  name: string,
  words: readonly string[],
  options: StartOptions,
): Promise<RunningClient> {
  const listening = Promise.withResolvers<number>();
  const ready = Promise.withResolvers<void>();
  const connected = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const [command, ...args] = [...(options.runner ?? []), ...words, JSON.stringify(options)];
  const child = startChild({
    command,
    args,
    cwd: options.work,
    onLine: (line) => {
      const event = parse(line);
      if (event?.event === "listening" && event.port !== undefined) listening.resolve(event.port);
      if (event?.event === "ready") ready.resolve();
      if (event?.event === "connected") connected.resolve();
      if (event?.event === "finished") finished.resolve();
    },
  });
  const orFailure = <T>(what: string, step: Promise<T>): Promise<T> =>
    inTime(`${name}: ${what}`, Promise.race([step, child.failed]));
  try {
    const port = await orFailure("listening", listening.promise);
    await orFailure("ready", ready.promise);
    return {
      endpoint: { address: options.address, port },
      dial: async (peer) => child.send(JSON.stringify({ do: "dial", ...peer })),
      connected: () => orFailure("connected", connected.promise),
      finished: () => orFailure("finished", finished.promise),
      close: () => child.close(),
      logs: () => child.logs(),
    };
  } catch (error) {
    await child.close();
    throw error;
  }
}

interface Line {
  readonly event?: string;
  readonly port?: number;
}

function parse(line: string): Line | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: Line = JSON.parse(line);
    return value;
  } catch {
    return undefined;
  }
}
