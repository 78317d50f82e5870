// Dialling over several transports: the first that gets through.
import type { Duplex, Endpoint, Transport } from "@shoal/core";
import { SessionError } from "./error.ts";

/**
 * Tries the transports in order.
 *
 * @throws the last transport's error; the signal's reason.
 */
export async function dialAny(
  transports: readonly Transport[],
  to: Endpoint,
  signal: AbortSignal,
): Promise<Duplex> {
  let failure: unknown = new SessionError(
    "ERR_SESSION_SETTING",
    "the session has no transport to dial with",
  );
  for (const transport of transports) {
    signal.throwIfAborted();
    try {
      return await transport.dial(to, { signal });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
