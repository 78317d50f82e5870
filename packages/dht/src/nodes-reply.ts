// The replies that a node sends most, written without the general encoder.

/** What nearly every reply consists of. */
export interface NodesReply {
  /** 20 bytes. */
  readonly id: Uint8Array;
  /** Compact lists. */
  readonly nodes?: Uint8Array | undefined;
  readonly nodes6?: Uint8Array | undefined;
  readonly token?: Uint8Array | undefined;
}

/**
 * The same bytes as `encodeReply` gives for such a reply, in a quarter of the time.
 *
 * @param ip Who asked, in compact form.
 */
export function encodeNodesReply(
  transaction: Uint8Array,
  ip: Uint8Array,
  { id, nodes, nodes6, token }: NodesReply,
): Uint8Array {
  const lists = (nodes?.length ?? 0) + (nodes6?.length ?? 0) + (token?.length ?? 0);
  const out = new Uint8Array(FRAME + transaction.length + ip.length + id.length + lists);
  let at = member(out, 0, HEAD, ip);
  at = member(out, at, ID, id);
  if (nodes !== undefined) at = member(out, at, NODES, nodes);
  if (nodes6 !== undefined) at = member(out, at, NODES6, nodes6);
  if (token !== undefined) at = member(out, at, TOKEN, token);
  at = member(out, at, TRANSACTION, transaction);
  out.set(TAIL, at);
  return out.subarray(0, at + TAIL.length);
}

const HEAD = ascii("d2:ip");
const ID = ascii("1:rd2:id");
const NODES = ascii("5:nodes");
const NODES6 = ascii("6:nodes6");
const TOKEN = ascii("5:token");
const TRANSACTION = ascii("e1:t");
const TAIL = ascii("1:y1:re");
/** Bytes of all names and lengths together, or more. */
const FRAME = 80;

/** Writes a name and a string of less than 10,000 bytes; returns where it ends. */
function member(out: Uint8Array, start: number, name: Uint8Array, bytes: Uint8Array): number {
  out.set(name, start);
  let at = start + name.length;
  const { length } = bytes;
  if (length >= 1000) out[at++] = ZERO + Math.floor(length / 1000);
  if (length >= 100) out[at++] = ZERO + (Math.floor(length / 100) % 10);
  if (length >= 10) out[at++] = ZERO + (Math.floor(length / 10) % 10);
  out[at++] = ZERO + (length % 10);
  out[at++] = COLON;
  out.set(bytes, at);
  return at + length;
}

const ZERO = 0x30;
const COLON = 0x3a;

function ascii(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
