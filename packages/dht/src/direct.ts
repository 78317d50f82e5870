// Queries to one node, as promises.
import type { BencodeDict } from "@shoal/bencode";
import { copyBytes, type Endpoint, endpointFamily, formatEndpoint } from "@shoal/core";
import { type Contact, decodeContacts } from "./contact.ts";
import { closedError, DhtError } from "./error.ts";
import type { KrpcValues } from "./krpc.ts";
import { ID_LENGTH } from "./node-id.ts";
import type { DhtContext } from "./walk.ts";

/** An answer of a node. */
export interface Answer {
  /** 20 bytes. */
  readonly id: Uint8Array;
  /** The members of `r`. */
  readonly values: BencodeDict;
  /** Round-trip time in ms. */
  readonly rtt: number;
}

/** What a node tells of the torrents that it has peers of (BEP 51). */
export interface Sample {
  /** 20 bytes each. */
  readonly infoHashes: readonly Uint8Array[];
  /** How many torrents the node has. */
  readonly total: number;
  /** Seconds after which asking again tells something new, 0–21,600. */
  readonly interval: number;
  /** Nodes close to the target that was asked for. */
  readonly nodes: readonly Contact[];
}

/**
 * Sends any query.
 *
 * @param args Without `id`, which is added.
 * @throws DhtError `ERR_DHT_TIMEOUT`, `ERR_DHT_REMOTE`, `ERR_DHT_FAMILY`, `ERR_DHT_BUSY`,
 *   `ERR_DHT_CLOSED`
 */
export function query(
  { sites, closing }: DhtContext,
  to: Endpoint,
  method: string,
  args: KrpcValues = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (closing.aborted) throw closedError();
    const name = formatEndpoint(to);
    const site = sites.find(({ family }) => family === endpointFamily(to));
    if (site === undefined) {
      throw new DhtError("ERR_DHT_FAMILY", `expected a socket of the family of ${name}, have none`);
    }
    const sent = site.ask(to, method, args, {
      replied: ({ id, values }, rtt) => resolve({ id: copyBytes(id), values, rtt }),
      refused: ({ code, message }) => {
        const text = `${name} answered ${method} with error ${code}: ${message}`;
        reject(new DhtError("ERR_DHT_REMOTE", text, code));
      },
      failed: () => {
        const text = `expected an answer of ${name} to ${method}, got none in 10 s`;
        reject(closing.aborted ? closedError() : new DhtError("ERR_DHT_TIMEOUT", text));
      },
    });
    if (!sent) throw new DhtError("ERR_DHT_BUSY", "expected fewer queries under way; try again");
  });
}

/** Asks a node for info-hashes. @throws as {@link query} */
export async function sampleOf(
  context: DhtContext,
  to: Endpoint,
  target: Uint8Array,
): Promise<Sample> {
  const { values } = await query(context, to, "sample_infohashes", { target });
  const samples = values.bytes("samples");
  if (samples === undefined) {
    const text = `expected samples of ${formatEndpoint(to)}, but it does not give any`;
    throw new DhtError("ERR_DHT_REMOTE", text);
  }
  const infoHashes: Uint8Array[] = [];
  for (let at = 0; at + ID_LENGTH <= samples.length; at += ID_LENGTH) {
    infoHashes.push(copyBytes(samples.subarray(at, at + ID_LENGTH)));
  }
  return {
    infoHashes,
    total: values.int("num") ?? infoHashes.length,
    interval: Math.min(Math.max(values.int("interval") ?? 0, 0), 21_600),
    nodes: [
      ...decodeContacts(values.bytes("nodes") ?? NO_BYTES, 4),
      ...decodeContacts(values.bytes("nodes6") ?? NO_BYTES, 6),
    ],
  };
}

const NO_BYTES = new Uint8Array(0);
