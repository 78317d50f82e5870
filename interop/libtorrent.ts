// libtorrent 2, through Debian's python3-libtorrent.
import { fileURLToPath } from "node:url";
import type { ForeignClient } from "./client.ts";
import { startLineClient } from "./line-client.ts";

/** The interpreter that Debian's modules belong to; a `python3` found on PATH may be another. */
export const PYTHON = "/usr/bin/python3";

/** The program around libtorrent: a client, and a maker of torrents. */
export const LIBTORRENT_PROGRAM: string = fileURLToPath(
  new URL("libtorrent-program.py", import.meta.url),
);

export const libtorrent: ForeignClient = {
  name: "libtorrent",
  dials: true,
  makesEmptyFiles: true,
  start: (options) =>
    startLineClient(
      "libtorrent",
      [PYTHON, "-X", "faulthandler", LIBTORRENT_PROGRAM, "client"],
      options,
    ),
};
