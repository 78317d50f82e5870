// WebTorrent from npm, installed by itself in interop/webtorrent.
import { fileURLToPath } from "node:url";
import type { ForeignClient } from "./client.ts";
import { startLineClient } from "./line-client.ts";

const PROGRAM = fileURLToPath(new URL("webtorrent/client.mjs", import.meta.url));

export const webtorrent: ForeignClient = {
  name: "webtorrent",
  dials: true,
  makesEmptyFiles: true,
  start: (options) => startLineClient("webtorrent", [process.execPath, PROGRAM], options),
};
