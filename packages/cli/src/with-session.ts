// Sessions for the length of a task, and torrents in them.
import { join } from "node:path";
import { formatEndpoint } from "@shoal/core";
import {
  type AddOptions,
  type CreateSessionOptions,
  createSession,
  type Session,
  type Torrent,
} from "@shoal/session";
import type { PeerName } from "./arguments.ts";
import type { Context } from "./context.ts";
import { CliError, explain, withSource } from "./error.ts";
import type { Reporter } from "./report/report.ts";
import { stateFolder } from "./state-folder.ts";

/** How the user wants peers to be found. */
export interface DiscoveryOptions {
  readonly dht: boolean;
  /** Instead of the well-known nodes. */
  readonly dhtBootstrap?: readonly PeerName[];
}

/** The session's options for that. */
export function discoveryOptions(
  { dht, dhtBootstrap }: DiscoveryOptions,
  { env }: Context,
): Pick<CreateSessionOptions, "dht"> {
  if (!dht) return { dht };
  const stateFile = join(stateFolder(env), "dht.state");
  if (dhtBootstrap === undefined) return { dht: { stateFile } };
  const bootstrap = dhtBootstrap.map(({ host, port }) => formatEndpoint({ address: host, port }));
  return { dht: { stateFile, bootstrap } };
}

/** Starts a session, does the task, and closes the session however the task ends. */
export async function withSession<T>(
  { reporter }: Context,
  options: CreateSessionOptions,
  task: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await createSession(options);
  session.on("warning", (error) => warn(reporter, error));
  let result: T;
  try {
    result = await task(session);
  } catch (error) {
    // Closing fails as well when the disk does; the first failure says more.
    await session.close().catch(() => {});
    throw error;
  }
  await session.close();
  return result;
}

/**
 * Adds a torrent from a path or URL and passes its warnings on.
 *
 * @throws CliError `ERR_CLI_MAGNET`; what `Session.add` throws, with the source named.
 */
export async function addTorrent(
  session: Session,
  source: string | Uint8Array,
  options: AddOptions,
  { reporter, signal }: Context,
): Promise<Torrent> {
  if (typeof source === "string") refuseMagnet(source);
  const torrent = await session.add(source, { ...options, signal }).catch((error: unknown) => {
    throw typeof source === "string" ? withSource(source, error) : error;
  });
  torrent.on("warning", (error) => warn(reporter, error));
  return torrent;
}

/** Waits until what lies on disk is checked. @throws the torrent's error; the signal's reason. */
export async function untilChecked(torrent: Torrent, { reporter, signal }: Context): Promise<void> {
  const total = torrent.metainfo?.geometry.totalLength ?? 0;
  const stop = torrent.on("progress", ({ state, fraction }) => {
    if (state !== "checking") return;
    reporter.report({ event: "checking", done: Math.round(fraction * total), total });
  });
  try {
    while (torrent.state === "checking") await torrent.once("state", { signal });
  } finally {
    stop();
  }
  if (torrent.error) throw torrent.error;
}

/** Reports the torrent's progress until the returned function is called, and then once more. */
export function watch(torrent: Torrent, reporter: Reporter): () => void {
  const report = (): void => reporter.report({ event: "progress", progress: torrent.progress });
  const timer = setInterval(report, reporter.intervalMs);
  return () => {
    clearInterval(timer);
    report();
  };
}

/** Seeds until the user wants to leave. @throws the torrent's error if it stops before. */
export async function seedUntilLeft(torrent: Torrent, { signal }: Context): Promise<void> {
  if (torrent.error) throw torrent.error;
  try {
    throw await torrent.once("error", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @throws CliError `ERR_CLI_MAGNET` if the source is a magnet link. */
export function refuseMagnet(source: string): void {
  if (!/^magnet:/i.test(source)) return;
  throw new CliError(
    "ERR_CLI_MAGNET",
    "this version can't fetch a torrent's metadata by its magnet link yet; give the .torrent file or its URL ('shoal info' shows what the link says)",
  );
}

function warn(reporter: Reporter, error: Error): void {
  reporter.report({ event: "warning", ...explain(error) });
}
