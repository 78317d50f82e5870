// The other end of the tunnel in bound-network.ts: answers TCP, UDP, HTTP and DNS in its own namespace.
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";

/** Ports of the remote, at both of its addresses. */
export const REMOTE_PORTS = { echo: 7000, http: 8000, dns: 53 } as const;

/** Where the remote is, by family. */
export const REMOTE = { 4: "10.8.0.1", 6: "fd08::1" } as const;

/** Its link-local address. */
export const REMOTE_ON_LINK = "fe80::1";

if (import.meta.main) {
  // The interface is moved here by whoever started this, who then says so.
  await once(process.stdin, "data");
  const commands = [
    "link set lo up",
    "link set vpn1 addrgenmode none",
    `addr add ${REMOTE[4]}/24 dev vpn1`,
    `addr add ${REMOTE[6]}/64 dev vpn1 nodad`,
    `addr add ${REMOTE_ON_LINK}/64 dev vpn1 nodad`,
    "link set vpn1 up",
  ];
  for (const command of commands) execFileSync("ip", command.split(" "));
  const tcp = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  const http = createHttpServer((_, response) => response.end("hello"));
  await Promise.all([
    once(tcp.listen(REMOTE_PORTS.echo, "::"), "listening"),
    once(http.listen(REMOTE_PORTS.http, "::"), "listening"),
    ...(["udp4", "udp6"] as const).flatMap((type) => [
      answerDatagrams(type, REMOTE_PORTS.echo, (bytes) => bytes),
      answerDatagrams(type, REMOTE_PORTS.dns, answerQuestion),
    ]),
  ]);
  process.stdout.write("ready\n");
}

async function answerDatagrams(
  type: "udp4" | "udp6",
  port: number,
  answer: (bytes: Buffer) => Buffer,
): Promise<void> {
  const socket = createSocket({ type, ipv6Only: type === "udp6" });
  socket.on("message", (bytes, from) => socket.send(answer(bytes), from.port, from.address));
  socket.bind(port);
  await once(socket, "listening");
}

/** Every name is the remote's. */
function answerQuestion(question: Buffer): Buffer {
  const isV4 = question.at(-3) === 1;
  const address = isV4 ? "0a080001" : `fd08${"0".repeat(27)}1`;
  const record = `c00c00${isV4 ? "01" : "1c"}00010000000000${isV4 ? "04" : "10"}${address}`;
  const answer = Buffer.concat([question, Buffer.from(record, "hex")]);
  answer.set([0x81, 0x80, 0, 1, 0, 1], 2);
  return answer;
}
