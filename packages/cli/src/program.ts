// The commands and their options, as commander knows them.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import {
  parseBind,
  parseFiles,
  parseNode,
  parsePeer,
  parsePieceLength,
  parsePort,
  parseRate,
  parseTrackerUrl,
  parseWebSeedUrl,
  repeated,
} from "./arguments.ts";
import type { CheckOptions } from "./commands/check.ts";
import type { CreateOptions } from "./commands/create.ts";
import { addDht } from "./commands/dht/program.ts";
import type { DownloadOptions } from "./commands/download.ts";
import type { SeedOptions } from "./commands/seed.ts";
import type { Context } from "./context.ts";
import type { Io } from "./io.ts";

const JSON_OPTION = ["--json", "print one JSON object per line"] as const;
const PEER_OPTION = ["--peer <host:port>", "connect to this peer (repeatable)"] as const;
const PORT_OPTION = [
  "--port <n>",
  "port for peers; 0 takes any free one (default 6881–6889)",
] as const;

/** The whole command line; each command is loaded when it is run. */
export function makeProgram(io: Io, context: Context): Command {
  const program = new Command("shoal")
    .description("The Shoal BitTorrent client.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // What is wrong is said by whoever runs the program, in the form that the user chose.
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    .addHelpText(
      "after",
      "\nExit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted before the work was done.\nDEBUG=1 in the environment adds stack traces to errors.",
    );
  addDownload(program, context);
  addSeed(program, context);
  addCreate(program, context);
  addInfo(program, context);
  addCheck(program, context);
  addDht(program, context);
  addDemo(program, context);
  return program;
}

/** What every command has that meets peers. */
function withDiscovery(command: Command): Command {
  return command
    .option("--no-dht", "ask no DHT nodes for peers")
    .option(
      "--dht-bootstrap <host:port>",
      "DHT node to begin with instead of the well-known ones (repeatable)",
      repeated(parseNode),
    )
    .option("--no-lsd", "look for no peers in the local network")
    .option("--no-pex", "exchange no peers with peers")
    .option("--no-portmap", "ask no router to let peers in")
    .option("--blocklist <file or url>", "have nothing to do with the addresses in this list")
    .option(
      "--bind <address>",
      "IP address or interface that everything leaves from, or nothing does (repeatable)",
      repeated(parseBind),
    );
}

function addDownload(program: Command, context: Context): void {
  withDiscovery(program.command("download"))
    .summary("download a torrent")
    .description(
      "Download a torrent. What lies in the folder already is checked and kept, so running it again goes on.",
    )
    .argument("<torrent>", "torrent file, http(s) URL of one, magnet link or info-hash")
    .option("-o, --output <dir>", "folder to download to", ".")
    .option("--metadata-only", "write the torrent file there, and download nothing else")
    .option(...PEER_OPTION, repeated(parsePeer))
    .option(...PORT_OPTION, parsePort)
    .option("--seed", "go on seeding until Ctrl-C")
    .option("--files <list>", "only these files, by number: 0,2-5 (see 'shoal info')", parseFiles)
    .option("--sequential", "download from the first piece to the last")
    .option("--down <rate>", "limit of downloading per second: 500K, 2M, 1.5MiB", parseRate)
    .option("--up <rate>", "limit of uploading per second", parseRate)
    .option("--no-tracker", "ask no trackers")
    .option("--webseed <url>", "a web seed of the torrent (repeatable)", repeated(parseWebSeedUrl))
    .option("--no-webseed", "download from no web seeds")
    .option(...JSON_OPTION)
    .action(async (source: string, options: DownloadOptions) => {
      const { download } = await import("./commands/download.ts");
      await download(source, options, context);
    });
}

function addSeed(program: Command, context: Context): void {
  withDiscovery(program.command("seed"))
    .summary("seed a torrent, or a file or folder")
    .description(
      "Seed a torrent whose data is in DIR, or any file or folder: its torrent is written beside it as NAME.torrent.",
    )
    .argument("<source>", "torrent file or URL (with --data), or a file or folder to share")
    .option("--data <dir>", "folder that holds the torrent's file or folder")
    .option(
      "--tracker <url>",
      "tracker for a new torrent (repeat for further tiers)",
      repeated(parseTrackerUrl),
    )
    .option(...PEER_OPTION, repeated(parsePeer))
    .option(...PORT_OPTION, parsePort)
    .option("--up <rate>", "limit of uploading per second: 500K, 2M, 1.5MiB", parseRate)
    .option(...JSON_OPTION)
    .action(async (source: string, options: SeedOptions) => {
      const { seed } = await import("./commands/seed.ts");
      await seed(source, options, context);
    });
}

function addCreate(program: Command, context: Context): void {
  program
    .command("create")
    .summary("make a torrent of a file or folder")
    .description("Make a torrent of a file or folder. No file is overwritten.")
    .argument("<payload>", "file or folder")
    .option("-o, --output <file>", "torrent file to write (default NAME.torrent, here)")
    .option("--tracker <url>", "tracker (repeat for further tiers)", repeated(parseTrackerUrl))
    .option("--webseed <url>", "web seed (repeatable)", repeated(parseWebSeedUrl))
    .option("--piece-length <size>", "power of two: 256K, 1M (default: by size)", parsePieceLength)
    .option("--private", "peers may come from the trackers only")
    .option("--comment <text>", "a comment")
    .option("--source <text>", "makes the info-hash differ from that of the same files elsewhere")
    .option(...JSON_OPTION)
    .action(async (payload: string, options: CreateOptions) => {
      const { create } = await import("./commands/create.ts");
      await create(payload, options, context);
    });
}

function addInfo(program: Command, context: Context): void {
  program
    .command("info")
    .summary("show what a torrent or magnet link says")
    .description("Show what a torrent file or a magnet link says.")
    .argument("<torrent>", "torrent file or magnet link")
    .option(...JSON_OPTION)
    .action(async (source: string) => {
      const { info } = await import("./commands/info.ts");
      await info(source, context);
    });
}

function addCheck(program: Command, context: Context): void {
  program
    .command("check")
    .summary("verify a torrent's data")
    .description("Verify a torrent's data and say which files and pieces are bad; uses no network.")
    .argument("<torrent>", "torrent file, or http(s) URL of one")
    .requiredOption("--data <dir>", "folder that holds the torrent's file or folder")
    .option(...JSON_OPTION)
    .action(async (source: string, options: CheckOptions) => {
      const { check } = await import("./commands/check.ts");
      await check(source, options, context);
    });
}

function addDemo(program: Command, context: Context): void {
  program
    .command("demo")
    .summary("share and download 64 MiB on this machine")
    .description(
      "Share 64 MiB, find and download them by magnet link, and verify them, all on this machine.",
    )
    .option(...JSON_OPTION)
    .action(async () => {
      const { demo } = await import("./commands/demo.ts");
      await demo(context);
    });
}

function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return String(Object(manifest).version);
}
