// Node's own HTTP server as a seed: of files (BEP 19), or as a script that cuts out pieces (BEP 17).
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { errorCode, formatEndpoint } from "@shoal/core";
import { parseTorrent } from "@shoal/metainfo";

/** A running web server. */
export interface WebServer {
  /** Of the folder or script that it serves. */
  readonly url: string;
  /** What it was asked and what went wrong, for the message of a failed test. */
  logs(): string;
  close(): Promise<void>;
}

const RANGE = /^bytes=(\d+)-(\d+)$/;

type Answer = (url: URL, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Serves the files in a folder, whole and in ranges. */
export function startFileServer(root: string, address: string): Promise<WebServer> {
  return start(address, "", async ({ pathname }, { headers }, response) => {
    const file = join(root, ...pathname.split("/").map(decodeURIComponent));
    const { size } = await stat(file);
    const [, from = "0", to = `${size - 1}`] = RANGE.exec(headers.range ?? "") ?? [];
    const [start, end] = [Number(from), Number(to)];
    response.writeHead(headers.range === undefined ? 200 : 206, {
      "content-length": end - start + 1,
      ...(headers.range && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    createReadStream(file, { start, end }).pipe(response);
  });
}

/**
 * Serves the pieces of a torrent.
 *
 * @param dir The folder that holds the torrent's root file or folder.
 */
export async function startScript(
  dir: string,
  torrentFile: string,
  address: string,
): Promise<WebServer> {
  const { files, geometry, infoHashes } = parseTorrent(await readFile(torrentFile));
  const contents = await Promise.all(files.map(({ path }) => readFile(join(dir, ...path))));
  const payload = Buffer.concat(contents);
  const infoHash = Buffer.from(infoHashes.v1 ?? []).toString("latin1");
  return start(address, "seed.php", async ({ search, searchParams }, _, response) => {
    if (unescaped(/[?&]info_hash=([^&]*)/.exec(search)?.[1] ?? "") !== infoHash) {
      response.writeHead(404).end();
      return;
    }
    const first = Number(searchParams.get("piece")) * geometry.pieceLength;
    const piece = payload.subarray(first, first + geometry.pieceLength);
    const ranges = searchParams.get("ranges") ?? `0-${piece.length - 1}`;
    const parts = ranges.split(",").map((range) => {
      const [from = 0, to = 0] = range.split("-").map(Number);
      return piece.subarray(from, to + 1);
    });
    response.end(Buffer.concat(parts));
  });
}

/** Percent-encoded bytes as one character each. */
function unescaped(text: string): string {
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

async function start(address: string, path: string, answer: Answer): Promise<WebServer> {
  const log: string[] = [];
  const server = createServer((request, response) => {
    const { url = "/", headers } = request;
    log.push(`${url} ${headers.range}`);
    answer(new URL(url, "http://localhost"), request, response).catch((error: unknown) => {
      log.push(String(error));
      response.writeHead(errorCode(error) === "ENOENT" ? 404 : 500).end();
    });
  }).listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("expected a TCP address");
  return {
    url: `http://${formatEndpoint({ address, port: bound.port })}/${path}`,
    logs: () => log.join("\n"),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
