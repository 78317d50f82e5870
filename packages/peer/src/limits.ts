// The constants of a connection: sizes in bytes, times in ms.

/** Requests that we let the remote queue at us; said in the extension handshake as `reqq`. */
export const REQUEST_QUEUE_LIMIT = 2000;

/** Requests that we send ahead at most, whatever the remote allows. */
export const MAX_OUTSTANDING = 2000;

/** What a remote takes that did not say `reqq` (BEP 10 gives no default; libtorrent's is 250). */
export const DEFAULT_REMOTE_QUEUE = 250;

/** How far ahead to request, as time at the present rate. */
export const REQUEST_AHEAD_MS = 3000;

/** Requests outstanding at least while a peer serves us. */
export const MIN_OUTSTANDING = 4;

/** A peer that owes us blocks and sends nothing for so long is snubbed. */
export const SNUB_MS = 20_000;

/** Nothing at all came for so long: dead (BEP 3 keep-alives come every two minutes). */
export const SILENCE_MS = 130_000;

/** Nothing of what we wrote has left for so long: the remote does not read. */
export const STALL_MS = 180_000;

/**
 * Bytes waiting to be sent beyond which we don't read either, for whoever asks must also take our
 * answers; and at which we go on.
 */
export const MAX_BACKLOG: number = 4 * 1024 * 1024;
export const LOW_BACKLOG: number = 1024 * 1024;

/** We say something at least so often. */
export const KEEP_ALIVE_MS = 60_000;

/** Upload bytes on their way to the socket: at least, at most, and as time at the present rate. */
export const SEND_AHEAD_MIN: number = 256 * 1024;
export const SEND_AHEAD_MAX: number = 2 * 1024 * 1024;
export const SEND_AHEAD_MS = 500;

/** Requests that make no sense before the connection is ended; some slack for races with chokes. */
export const MAX_INVALID_REQUESTS = 300;

/** Bytes of blocks that nobody asked for before the connection is ended. */
export const MAX_UNREQUESTED_BYTES: number = 16 * 1024 * 1024;
