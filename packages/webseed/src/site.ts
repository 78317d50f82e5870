// One web seed and one torrent: what to ask for, and what to make of the answer.
import type { BlockFacts, ByteRun } from "@shoal/core";
import { judgeFile, judgeScript, type Verdict } from "./answer.ts";
import type { WebSeedHead } from "./host.ts";
import { planFiles, planPieces, type Stretch } from "./plan.ts";
import { fileUrl, pieceUrl, type SeedUrl } from "./url.ts";

/** The two protocols behind one face. */
export interface Site {
  readonly url: SeedUrl;
  /** The requests that bring a run, in order. */
  plan(run: ByteRun): Stretch[];
  /** @param done Bytes of the stretch that are there already. */
  request(stretch: Stretch, done: number): { url: string; headers: Record<string, string> };
  /** What the answer to that request means. */
  judge(stretch: Stretch, done: number, head: WebSeedHead): Verdict;
}

/** @param paths The paths of the files on servers, of `webPaths` of `@shoal/metainfo`. */
export function createSite(
  url: SeedUrl,
  torrent: BlockFacts,
  paths: () => readonly (readonly Uint8Array[])[],
): Site {
  return url.kind === "files" ? fileSite(url, torrent, paths) : scriptSite(url, torrent);
}

function fileSite(
  url: SeedUrl,
  { files, isSingleFile }: BlockFacts,
  paths: () => readonly (readonly Uint8Array[])[],
): Site {
  return {
    url,
    plan: (run) => planFiles(run, files),
    request: ({ index, start, length }, done) => ({
      url: fileUrl(url, paths()[index] ?? [], isSingleFile),
      headers: { range: `bytes=${start + done}-${start + length - 1}` },
    }),
    judge: ({ index, start, length }, done, head) => {
      const fileLength = files[index]?.length ?? 0;
      const wish = { name: url.name, start: start + done, length: length - done, fileLength };
      return judgeFile(wish, head);
    },
  };
}

function scriptSite(url: SeedUrl, { files, geometry, infoHash }: BlockFacts): Site {
  return {
    url,
    plan: (run) => planPieces(run, files, geometry),
    request: ({ offset, index, start, length }, done) => {
      const end = Math.min(geometry.totalLength, (index + 1) * geometry.pieceLength);
      const isWhole = start + done === 0 && offset + length === end;
      const range = isWhole ? undefined : ([start + done, start + length - 1] as const);
      return { url: pieceUrl(url, infoHash, index, range), headers: {} };
    },
    judge: ({ start, length }, done, head) => {
      const wish = { name: url.name, start: start + done, length: length - done, fileLength: 0 };
      return judgeScript(wish, head);
    },
  };
}
