// What sessions of these tests have in common that use real sockets.
import type { CreateSessionOptions } from "@shoal/session";

/** A free port of loopback, and nobody that the test does not name. */
export const LOOPBACK: CreateSessionOptions = {
  port: 0,
  bind: ["127.0.0.1"],
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
};
