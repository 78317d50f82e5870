// The parts of a torrent outside its info dictionary: where to find peers and data.
import type { BencodeDict, BencodeValue } from "@shoal/bencode";
import type { FaultList } from "./faults.ts";
import type { HostPort } from "./metainfo.ts";
import { trackerUrl, webSeedUrl } from "./url.ts";

/**
 * The tiers of `announce-list` (BEP 12), or `announce` if that has no usable tracker. A tracker is
 * listed once.
 */
export function readTrackers(root: BencodeDict, faults: FaultList): string[][] {
  const seen = new Set<string>();
  const tiers: string[][] = [];
  const addTier = (texts: readonly string[]): void => {
    const tier: string[] = [];
    for (const text of texts) {
      const url = trackerUrl(text);
      if (url === undefined) {
        if (text.trim() !== "") faults.add(`tracker '${text}' is not http, https, udp, ws or wss`);
      } else if (!seen.has(url)) {
        seen.add(url);
        tier.push(url);
      }
    }
    if (tier.length > 0) tiers.push(tier);
  };
  // Some makers write a plain list of URLs instead of a list of tiers.
  for (const tier of root.list("announce-list") ?? []) {
    addTier(texts(Array.isArray(tier) ? tier : [tier]));
  }
  if (tiers.length === 0) addTier(texts([root.get("announce")]));
  return tiers;
}

/**
 * The web seeds of `url-list` (BEP 19) or `httpseeds` (BEP 17), each once.
 *
 * @param isFolder The URLs name a folder, so they get a slash at the end.
 */
export function readWebSeeds(
  value: BencodeValue | undefined,
  isFolder: boolean,
  faults: FaultList,
): string[] {
  const urls = new Set<string>();
  for (const text of texts(Array.isArray(value) ? value : [value])) {
    const url = webSeedUrl(text);
    if (url !== undefined) urls.add(isFolder && !url.endsWith("/") ? `${url}/` : url);
    else if (text.trim() !== "") faults.add(`web seed '${text}' is not http or https`);
  }
  return [...urls];
}

/** The DHT nodes of `nodes` (BEP 5): a list of pairs of a host and a port. */
export function readNodes(root: BencodeDict): HostPort[] {
  const nodes: HostPort[] = [];
  for (const pair of root.list("nodes") ?? []) {
    if (!Array.isArray(pair)) continue;
    const [host, port] = pair;
    if (!(host instanceof Uint8Array) || typeof port !== "number") continue;
    const node = hostPort(decoder.decode(host), port);
    if (node !== undefined) nodes.push(node);
  }
  return nodes;
}

/** A host and a port, unless the host can't be one or the port is not 1–65535. */
export function hostPort(host: string, port: number): HostPort | undefined {
  const isHost = /^[\p{L}\p{N}._:-]{1,253}$/u.test(host);
  return isHost && Number.isInteger(port) && port >= 1 && port <= 0xffff
    ? { host, port }
    : undefined;
}

const decoder = new TextDecoder();

/** The strings among the values, as text. */
function texts(values: readonly (BencodeValue | undefined)[]): string[] {
  return values
    .filter((value) => value instanceof Uint8Array)
    .map((bytes) => decoder.decode(bytes));
}
