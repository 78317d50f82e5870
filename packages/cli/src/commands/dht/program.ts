// The commands below `shoal dht` and their options, as commander knows them.
import type { Command } from "commander";
import { parseNode, parsePort, repeated } from "../../arguments.ts";
import type { Context } from "../../context.ts";
import { UsageError } from "../../error.ts";
import type { AnnounceOptions } from "./announce.ts";
import type { GetOptions } from "./get.ts";
import { type NodeOptions, parseCount, parsePeerPort, parseSeconds, parseSeq } from "./options.ts";
import type { PutOptions } from "./put.ts";
import type { SampleOptions } from "./sample.ts";

const TARGET = ["<torrent>", "info-hash (40 hex digits) or magnet link"] as const;
const NODE_PORT = ["--port <n>", "UDP port of our node (default any free one)"] as const;

/** Adds `dht` to the program; each command is loaded when it is run. */
export function addDht(program: Command, context: Context): void {
  const dht = program
    .command("dht")
    .summary("find and store things in the DHT")
    .description("Find peers and small items in the DHT of BitTorrent, and store them there.")
    .allowExcessArguments()
    .action((_options: object, { args: [command] }: Command) => {
      const got = command === undefined ? "" : `, got '${command}'`;
      throw new UsageError(
        `expected 'shoal dht' with peers, announce, put, get, sample or node${got}; 'shoal dht --help' tells more`,
      );
    });
  addPeers(dht, context);
  addAnnounce(dht, context);
  addPut(dht, context);
  addGet(dht, context);
  addSample(dht, context);
  addNode(dht, context);
}

function addPeers(dht: Command, context: Context): void {
  const command = dht
    .command("peers")
    .summary("find the peers of a torrent")
    .description("Find the peers of a torrent; each is printed as soon as it is found.")
    .argument(...TARGET)
    .option(...NODE_PORT, parsePort);
  common(command).action(async (source: string, options: NodeOptions) => {
    const { peers } = await import("./peers.ts");
    await peers(source, options, context);
  });
}

function addAnnounce(dht: Command, context: Context): void {
  const command = dht
    .command("announce")
    .summary("tell the DHT of a peer on this machine")
    .description(
      "Tell the DHT, once, that a peer on this machine has a torrent. Nodes keep it for half an hour or so.",
    )
    .argument(...TARGET)
    .requiredOption("--port <n>", "where the peer accepts connections", parsePeerPort);
  common(command).action(async (source: string, options: AnnounceOptions) => {
    const { announce } = await import("./announce.ts");
    await announce(source, options, context);
  });
}

function addPut(dht: Command, context: Context): void {
  const command = dht
    .command("put")
    .summary("store a text or small file")
    .description(
      "Store a text or a file of at most 996 bytes for two hours, and print where it lies. With --key it is mutable: who has the key can replace it.",
    )
    .argument("[text]", "what to store")
    .option("--file <file>", "store the content of a file instead")
    .option("--key <file>", "private key of a mutable item; made if it is not there")
    .option("--salt <text>", "tells the items of one key from each other")
    .option("--seq <n>", "version (default one more than the current one)", parseSeq)
    .option(...NODE_PORT, parsePort);
  common(command).action(async (text: string | undefined, options: PutOptions) => {
    const { put } = await import("./put.ts");
    await put(text, options, context);
  });
}

function addGet(dht: Command, context: Context): void {
  const command = dht
    .command("get")
    .summary("find a stored item")
    .description("Find an item: an immutable one by its target, a mutable one by its public key.")
    .argument("[item]", "target (40 hex digits) or public key (64)")
    .option("--key <file>", "name a mutable item by its private key instead")
    .option("--salt <text>", "tells the items of one key from each other")
    .option("-o, --output <file>", "write the value to a file")
    .option(...NODE_PORT, parsePort);
  common(command).action(async (item: string | undefined, options: GetOptions) => {
    const { get } = await import("./get.ts");
    await get(item, options, context);
  });
}

function addSample(dht: Command, context: Context): void {
  const command = dht
    .command("sample")
    .summary("list torrents that nodes know")
    .description("Walk through the DHT and print the info-hashes that its nodes know.")
    .option("--count <n>", "so many info-hashes", parseCount, 100)
    .option(...NODE_PORT, parsePort);
  common(command).action(async (options: SampleOptions) => {
    const { sample } = await import("./sample.ts");
    await sample(options, context);
  });
}

function addNode(dht: Command, context: Context): void {
  const command = dht
    .command("node")
    .summary("run a node")
    .description("Run a node of the DHT until Ctrl-C, and show how it goes.")
    .option(...NODE_PORT, parsePort);
  common(command).action(async (options: NodeOptions) => {
    const { runNode } = await import("./node.ts");
    await runNode(options, context);
  });
}

function common(command: Command): Command {
  return command
    .option(
      "--bootstrap <host:port>",
      "node to begin with instead of the well-known ones (repeatable)",
      repeated(parseNode),
    )
    .option("-4, --ipv4", "use IPv4 only")
    .option("-6, --ipv6", "use IPv6 only")
    .option(
      "--timeout <seconds>",
      `give up after this time (default ${command.name() === "node" ? "never" : "60"})`,
      parseSeconds,
    )
    .option("--json", "print one JSON object per line");
}
