// A session with everything on, composed for Node.
import { resolve } from "node:path";
import { errorCode } from "@shoal/core";
import { createDiskIo, fsStore, type StoreFactory } from "@shoal/disk-io";
import { createNetwork, type Network } from "@shoal/net";
import { SessionError } from "./error.ts";
import { FEATURES, type Features, loadFeatures, loadFilter } from "./features.ts";
import type { SessionInit } from "./init.ts";
import { PRESETS, type Preset, presetValues } from "./presets.ts";
import { loadTorrent } from "./services/load.ts";
import { nodeRuntime } from "./services/runtime.ts";
import { Session } from "./session.ts";
import type { SessionSettings } from "./settings.ts";

/** Options of {@link createSession}; live settings can be given here too. */
export interface CreateSessionOptions extends Partial<SessionSettings>, Features {
  /** What everything else defaults to; `desktop` by default. */
  readonly preset?: Preset;
  /** Port for peers; 0 for any free one. Default: the first free one of 6881–6889, else any. */
  readonly port?: number;
  /**
   * IP addresses and names of network interfaces (`tun0`) to listen at and to do everything from:
   * nothing leaves from elsewhere, be it a name to resolve; while they are gone, nothing leaves.
   * Default: all addresses of both families.
   */
  readonly bind?: readonly string[];
  /** Accept connections; true by default. Otherwise nothing is bound, and `Session.port` is 0. */
  readonly listen?: boolean;
  /** Bytes of memory for blocks between sockets and disk. */
  readonly cacheSize?: number;
  /** Threads for hashing and disk I/O; 1 by default. */
  readonly diskThreads?: number;
  /**
   * Lock the memory for blocks into RAM when the first torrent is added; false by default. Needs the
   * optional package `koffi`; where it can't be done, the event `warning` tells why, and it goes on.
   */
  readonly lockMemory?: boolean;
}

/** Options that are no live settings. */
const OWN_OPTIONS: ReadonlySet<string> = new Set([
  "preset",
  "port",
  "bind",
  "listen",
  "cacheSize",
  "diskThreads",
  "lockMemory",
  ...FEATURES,
] satisfies (keyof CreateSessionOptions)[]);

/** The ports of BEP 3. */
const DEFAULT_PORTS = [6881, 6882, 6883, 6884, 6885, 6886, 6887, 6888, 6889, 0];

/**
 * Starts a BitTorrent session.
 *
 * @throws NetError if the port can't be bound, or there is nothing to bind to; SessionError
 *   `ERR_SESSION_SETTING`; what reading the blocklist throws.
 */
export async function createSession(options: CreateSessionOptions = {}): Promise<Session> {
  checkOptions(options);
  const { bind, blocklist } = options;
  const network = createNetwork(bind === undefined ? {} : { bind });
  const filter = blocklist === undefined ? undefined : await loadFilter(network, blocklist);
  const ports = options.port === undefined ? DEFAULT_PORTS : [options.port];
  for (const [i, port] of ports.entries()) {
    try {
      return await openSession(options, { network, filter, port });
    } catch (error) {
      if (i === ports.length - 1 || errorCode(error) !== "ERR_NET_ADDRESS_IN_USE") throw error;
    }
  }
  throw new RangeError("there was no port to try");
}

/** What a session is opened with at each port that is tried. */
interface Surroundings extends Pick<SessionInit, "filter"> {
  readonly network: Network;
  readonly port: number;
}

async function openSession(
  options: CreateSessionOptions,
  { network, filter, port }: Surroundings,
): Promise<Session> {
  const { preset = "desktop", listen = true, lockMemory = false } = options;
  const { cacheSize, diskThreads } = options;
  const values = presetValues(preset);
  const at = listen ? network.listenAddresses(port) : [];
  const http = network.http();
  const features = await loadFeatures(options, { network, http });
  const runtime = nodeRuntime();
  return Session.open({
    runtime,
    disk: createDiskIo({
      cacheSize: cacheSize ?? values.cacheSize,
      policy: values.policy,
      lockMemory,
      ...(diskThreads === undefined ? {} : { threads: diskThreads }),
    }),
    transports: [network.tcp],
    listen: at,
    store: storesByFolder(),
    filter,
    ...features,
    settings: { ...values.settings, ...settingsOf(options) },
    load: (source, signal) => loadTorrent(http, source, signal),
    release: async () => {
      await http.close();
      runtime.stop();
    },
  });
}

/** Torrents mostly share a folder, and then all that says how to open their stores. */
function storesByFolder(): SessionInit["store"] {
  let last: { readonly path: string; readonly store: StoreFactory } | undefined;
  return (folder) => {
    const path = resolve(folder);
    if (last?.path !== path) last = { path, store: fsStore({ path }) };
    return last.store;
  };
}

/** The live settings among the options; names that are no option at all stay, to be refused. */
function settingsOf(options: CreateSessionOptions): Partial<SessionSettings> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OWN_OPTIONS.has(name)));
}

/** What is not a live setting: those are checked by the session. */
function checkOptions({ preset, port, bind, cacheSize, diskThreads }: CreateSessionOptions): void {
  if (preset !== undefined && !PRESETS.includes(preset)) {
    throw refusal("preset", `one of ${PRESETS.join(", ")}`, preset);
  }
  if (bind !== undefined && !Array.isArray(bind)) {
    throw refusal("bind", "a list of IP addresses and interfaces", bind);
  }
  inRange("port", port, 65_535);
  inRange("cacheSize", cacheSize, Number.MAX_SAFE_INTEGER);
  inRange("diskThreads", diskThreads, 64);
}

function inRange(name: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0 && value <= most)) return;
  throw refusal(name, `an integer of 0–${most}`, value);
}

function refusal(name: string, expected: string, value: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_SETTING",
    `option ${name} must be ${expected}, not '${String(value)}'`,
  );
}
