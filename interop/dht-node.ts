// Foreign DHT nodes, driven by JSON lines: see libtorrent-dht.py for the commands.
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "@shoal/core";
import { startChild } from "./child.ts";
import { PYTHON } from "./libtorrent.ts";
import { freePort } from "./ports.ts";
import { inTime } from "./wait.ts";

/** What a foreign node says. */
export interface Said {
  readonly event: string;
  readonly hash?: string;
  readonly peers?: readonly (readonly [string, number])[];
  readonly target?: string;
  readonly value?: string | null;
  readonly nodes?: number;
  readonly seq?: number;
}

/** A running foreign node. */
export interface ForeignNode {
  readonly endpoint: Endpoint;
  /** Gives a command. */
  tell(command: Readonly<Record<string, unknown>>): void;
  /** The next thing said of which `wanted` holds; repeats `command` until then. */
  hear(wanted: (said: Said) => boolean, command?: Readonly<Record<string, unknown>>): Promise<Said>;
  close(): Promise<void>;
}

/** Whose node it is. */
export type NodeKind = "libtorrent" | "bittorrent-dht";

const PROGRAMS: Readonly<Record<NodeKind, readonly [string, string]>> = {
  libtorrent: [PYTHON, "libtorrent-dht.py"],
  "bittorrent-dht": [process.execPath, "webtorrent/dht.mjs"],
};

/** Again after so long, in ms: a node that has just begun knows nobody. */
const REPEAT_MS = 3000;

/** Starts a node at the address. */
export async function startNode(kind: NodeKind, address: string): Promise<ForeignNode> {
  const port = await freePort(address);
  const [command, program] = PROGRAMS[kind];
  const listeners = new Set<(said: Said) => void>();
  const child = startChild({
    command,
    args: [fileURLToPath(new URL(program, import.meta.url)), JSON.stringify({ address, port })],
    cwd: tmpdir(),
    onLine: (line) => {
      if (!line.startsWith("{")) return;
      const said = JSON.parse(line) as Said;
      for (const listener of listeners) listener(said);
    },
  });
  const tell = (command: Readonly<Record<string, unknown>>): void => {
    child.send(JSON.stringify(command));
  };
  const hear: ForeignNode["hear"] = async (wanted, command) => {
    const repeat = command && setInterval(() => tell(command), REPEAT_MS);
    if (command) tell(command);
    let listener: ((said: Said) => void) | undefined;
    const heard = new Promise<Said>((resolve) => {
      listener = (said) => {
        if (wanted(said)) resolve(said);
      };
      listeners.add(listener);
    });
    try {
      return await inTime(`${kind} at ${address}`, Promise.race([heard, child.failed]));
    } finally {
      clearInterval(repeat);
      if (listener) listeners.delete(listener);
    }
  };
  await hear(({ event }) => event === "ready");
  return { endpoint: { address, port }, tell, hear, close: () => child.close() };
}
