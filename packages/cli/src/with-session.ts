// Sessions for the length of a task, and torrents in them.
import { errorCode } from "@shoal/core";
import {
  type AddOptions,
  type CreateSessionOptions,
  createSession,
  type Session,
  type Torrent,
} from "@shoal/session";
import { compileLate } from "./compile-late.ts";
import type { Context } from "./context.ts";
import { CliError, explain, withSource } from "./error.ts";
import type { Reporter } from "./report/report.ts";

/** Starts a session, does the task, and closes the session however the task ends. */
export async function withSession<T>(
  { reporter }: Context,
  options: CreateSessionOptions,
  task: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await createSession(options);
  compileLate();
  session.on("warning", (error) => {
    // Most routers are not to be asked; that is nothing to warn of at each start.
    if (errorCode(error) !== "ERR_PORTMAP_UNANSWERED") warn(reporter, error);
  });
  session.on("mapped", ({ protocol, externalAddress = "its address", externalPort, via }) => {
    const where = `${protocol} port ${externalPort} of ${externalAddress}`;
    reporter.report({ event: "note", message: `the router forwards ${where} to us (${via})` });
  });
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
 * Adds a torrent from a path, URL or magnet link and passes its warnings on.
 *
 * @throws what `Session.add` throws, with the source named.
 */
export async function addTorrent(
  session: Session,
  source: string | Uint8Array,
  options: AddOptions,
  { reporter, signal }: Context,
): Promise<Torrent> {
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
    while (torrent.state === "checking" || torrent.state === "metadata") {
      await torrent.once("state", { signal });
    }
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
    "this needs the torrent file; 'shoal download --metadata-only' fetches it by the magnet link",
  );
}

function warn(reporter: Reporter, error: Error): void {
  reporter.report({ event: "warning", ...explain(error) });
}
