// What the DHT commands report, as lines for people.
import { formatEndpoint } from "@shoal/core";
import { formatCount, formatDuration, formatSize, printable } from "../format.ts";
import type { DhtReport, ItemReport, StoredReport, TrafficReport } from "./dht.ts";

/** Reports that stay on the screen. */
export type LastingDhtReport = Exclude<DhtReport, TrafficReport>;

/** The lines of a report. */
export function dhtLines(report: LastingDhtReport): string[] {
  switch (report.event) {
    case "peer":
      return [formatEndpoint(report)];
    case "peers":
      return [`found ${formatCount(report.count, "peer")}`];
    case "announced":
      return [`announced port ${report.port} to ${formatCount(report.nodes, "node")}`];
    case "stored":
      return storedLines(report);
    case "item":
      return itemLines(report);
    case "sample":
      return [`${report.infoHash}  at ${formatEndpoint(report)}`];
    case "node":
      return report.addresses.map((address, i) => `listening at ${address} as ${report.ids[i]}`);
  }
}

/** The live line of a node. */
export function trafficLine(report: TrafficReport): string {
  const { nodes, external, torrents, peers, items, queriesAnswered, seconds } = report;
  return [
    formatCount(nodes, "node"),
    ...(external.length > 0 ? [`seen as ${external.join(", ")}`] : []),
    `queries ${queriesAnswered.toLocaleString("en")}`,
    `keeps ${formatCount(peers, "peer")} of ${formatCount(torrents, "torrent")}, ${formatCount(items, "item")}`,
    `in ${formatSize(report.bytesReceived)}, out ${formatSize(report.bytesSent)}`,
    formatDuration(seconds),
  ].join("  ");
}

function storedLines({ target, nodes, publicKey, salt, seq }: StoredReport): string[] {
  const where = `with ${formatCount(nodes, "node")}`;
  if (publicKey === undefined) return [`stored ${where}`, `target ${target}`];
  return [
    `stored version ${seq} ${where}`,
    `public key ${publicKey}`,
    ...(salt === undefined ? [] : [`salt ${printable(salt)}`]),
  ];
}

/** The value comes last; line breaks of a text are kept. */
function itemLines({ seq, infoHash, text, bencoded }: ItemReport): string[] {
  return [
    ...(seq === undefined ? [] : [`version ${seq}`]),
    ...(infoHash === undefined ? [] : [`torrent ${infoHash}`]),
    ...(text === undefined ? [`bencoded ${bencoded}`] : text.split(/\r?\n/).map(printable)),
  ];
}
