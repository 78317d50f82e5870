// What a torrent or magnet link says, as lines for people.
import { formatCount, formatSize, printable } from "../format.ts";
import type { FileEntry, MagnetReport, TorrentReport } from "./report.ts";

/** A label and its values, one line each; labels without values are left out. */
type Row = readonly [label: string, values: readonly (string | undefined)[]];

const LABEL_WIDTH = 13;

/** The lines of `shoal info`. */
export function infoLines(report: TorrentReport | MagnetReport): string[] {
  return report.kind === "torrent"
    ? [...table(torrentRows(report)), "", ...fileTable(report.files)]
    : table(magnetRows(report));
}

function torrentRows(report: TorrentReport): Row[] {
  const { total, pieceCount, pieceLength, creationDate } = report;
  return [
    ["Name", [report.name]],
    ["Info-hash", hashes(report)],
    [
      "Size",
      [
        `${formatSize(total)} (${formatCount(total, "byte")}) in ${formatCount(report.files.length, "file")}`,
      ],
    ],
    ["Pieces", [`${pieceCount} of ${formatSize(pieceLength)}`]],
    ["Private", [report.private ? "yes: peers come from its trackers only" : "no"]],
    ["Source", [report.source]],
    ["Comment", [report.comment]],
    ["Created by", [report.createdBy]],
    ["Created at", [creationDate === undefined ? undefined : formatDate(creationDate)]],
    ["Encoding", [report.encoding]],
    ["Trackers", tiers(report.trackers)],
    ["Web seeds", report.webSeeds],
    ["HTTP seeds", report.httpSeeds],
    ["DHT nodes", report.nodes],
    ["Magnet", [report.magnet]],
    ["Faults", report.faults],
  ];
}

function magnetRows(report: MagnetReport): Row[] {
  const numbers = report.selectOnly?.map(({ first, last }) =>
    first === last ? `${first}` : `${first}–${last}`,
  );
  return [
    ["Name", [report.name]],
    ["Info-hash", hashes(report)],
    ["Trackers", tiers(report.trackers)],
    ["Web seeds", report.webSeeds],
    ["Torrent at", report.exactSources],
    ["Peers", report.peers],
    ["DHT nodes", report.nodes],
    ["Files", [numbers?.join(", ")]],
  ];
}

function table(rows: readonly Row[]): string[] {
  return rows.flatMap(([label, values]) =>
    values
      .filter((value) => value !== undefined)
      .map((value, i) => `${(i === 0 ? label : "").padEnd(LABEL_WIDTH)}${printable(value)}`),
  );
}

function fileTable(files: readonly FileEntry[]): string[] {
  const numberWidth = Math.max(1, String(files.length - 1).length);
  return [
    `${"#".padStart(numberWidth)}  ${"size".padStart(8)}  path`,
    ...files.map((file) => {
      const number = String(file.index).padStart(numberWidth);
      const size = formatSize(file.length).padStart(8);
      return `${number}  ${size}  ${printable(file.path)}${marks(file)}`;
    }),
  ];
}

function marks({ pad, executable, hidden, symlink }: FileEntry): string {
  const words = [pad && "padding", executable && "executable", hidden && "hidden"].filter(Boolean);
  const link = symlink === undefined ? "" : ` → ${printable(symlink)}`;
  return link + (words.length > 0 ? ` (${words.join(", ")})` : "");
}

function hashes({ infoHash, infoHashV2 }: TorrentReport | MagnetReport): (string | undefined)[] {
  return [infoHash, infoHashV2 === undefined ? undefined : `${infoHashV2} (v2)`];
}

/** Each tier with its number, which says in which order they are asked. */
function tiers(trackers: readonly (readonly string[])[]): string[] {
  return trackers.flatMap((tier, i) =>
    tier.map((url, j) => `${j === 0 ? `${i + 1}.` : "  "} ${url}`),
  );
}

/** Torrents may claim any second, also such that no calendar has. */
function formatDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds} since 1970` : date.toISOString();
}
