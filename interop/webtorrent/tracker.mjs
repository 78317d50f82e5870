// bittorrent-tracker, WebTorrent's own, on ::1; says on which ports it listens.
import { Server } from "bittorrent-tracker";

const server = new Server({ http: true, udp: true, ws: false, stats: false });

server.on("warning", (warning) => console.error(String(warning)));
server.on("error", (error) => {
  console.error(String(error));
  process.exit(1);
});
server.on("listening", () => {
  const ports = { http: server.http.address().port, udp: server.udp6.address().port };
  process.stdout.write(`${JSON.stringify(ports)}\n`);
});
server.listen(0, { http: "::1", udp: "127.0.0.1", udp6: "::1" });
