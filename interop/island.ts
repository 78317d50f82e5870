// A network namespace of its own with many addresses, and a second one next to it, for clients that
// shall find each other by themselves: nothing leaves them. Needs root and the program `ip`.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

/** The interface's networks: 254 addresses of each family. */
const NETWORKS = { 4: "10.77.0.", 6: "fd77::" } as const;
/** The number of the one address that is not on the island. */
export const ABROAD = 1;
/** Those that are. */
const HOSTS = [2, 3, 4, 5, 6];
/** Namespaces that a program gets: the one of processes ends all that is in it. */
const NEW = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const MAX_OUTPUT_BYTES = 1_000_000;

/** An address on the island, by its number of 2–6, or {@link ABROAD}. */
export function islander(host: number, family: 4 | 6 = 4): string {
  return `${NETWORKS[family]}${host}`;
}

/**
 * Runs a program in a new island; whatever it has started ends with it.
 *
 * @param program File name of a module in this folder.
 * @param argument Given to it as JSON.
 * @returns the last line that it prints, read as JSON.
 * @throws Error with its output if it fails.
 */
export async function runOnIsland(program: string, argument: object): Promise<unknown> {
  const path = new URL(program, import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(
    "unshare",
    [...NEW, process.execPath, "--conditions=shoal-source", path, JSON.stringify(argument)],
    { maxBuffer: MAX_OUTPUT_BYTES },
  );
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

/**
 * Makes the namespace of this process an island.
 *
 * @returns words that, put before a command, run it abroad: beyond the sea, at {@link ABROAD}. What
 *   does not hear multicasts of its own machine can be heard from there.
 */
export async function makeIsland(): Promise<readonly string[]> {
  ip("link set lo up");
  ip("link add shore type veth peer name sea");
  const keeper = spawn("unshare", ["--net", "sh", "-c", "echo ready && exec cat"]);
  await once(keeper.stdout, "data");
  ip(`link set sea netns ${keeper.pid}`);
  const runner = ["nsenter", `--net=/proc/${keeper.pid}/ns/net`];
  const ipAbroad = (command: string): void => run([...runner, "ip", ...command.split(" ")]);
  ipAbroad("link set lo up");
  settle("sea", [ABROAD], ipAbroad);
  settle("shore", HOSTS, ip);
  return runner;
}

function settle(device: string, hosts: readonly number[], ip: (command: string) => void): void {
  for (const host of hosts) {
    ip(`addr add ${islander(host, 4)}/24 dev ${device}`);
    ip(`addr add ${islander(host, 6)}/64 dev ${device} nodad`);
  }
  ip(`link set ${device} up`);
  ip(`route add 224.0.0.0/4 dev ${device}`);
}

function ip(command: string): void {
  run(["ip", ...command.split(" ")]);
}

function run([command = "", ...args]: readonly string[]): void {
  execFileSync(command, args);
}
