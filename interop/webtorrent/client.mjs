// WebTorrent behind the protocol of line-client.ts.
import { createInterface } from "node:readline";
import WebTorrent from "webtorrent";

const { role, torrentFile, magnet, dir } = JSON.parse(process.argv[2]);

function say(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

const client = new WebTorrent({
  dht: false,
  lsd: false,
  natPmp: false,
  natUpnp: false,
  secure: 0,
  tracker: false,
  utp: false,
  utPex: false,
});
client.on("error", (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});

const torrent = client.add(magnet ?? torrentFile, { path: dir });
torrent.on("warning", (warning) => say("log", { message: String(warning) }));
torrent.on("wire", (wire, address) => {
  say("log", { message: `${wire.type} ${address}` });
  say("connected");
});

let listening = client.listening;
let checked = false;
function report() {
  if (listening && checked) say("ready");
}
function nowListening() {
  listening = true;
  say("listening", { port: client.torrentPort });
  report();
}
if (listening) nowListening();
else client.once("listening", nowListening);
torrent.once(role === "seed" ? "done" : magnet ? "infoHash" : "ready", () => {
  checked = true;
  report();
});
if (role === "leech") torrent.once("done", () => say("finished"));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    const host = command.address?.includes(":") ? `[${command.address}]` : command.address;
    if (command.do === "dial") torrent.addPeer(`${host}:${command.port}`);
  })
  .on("close", () => client.destroy(() => process.exit(0)));
process.on("SIGTERM", () => {}); // The end of the input is the signal to stop.
