// The settings of a session that can be changed while it runs, and how they are checked.
import { SessionError } from "./error.ts";

/** Live settings. */
export interface SessionSettings {
  /** Payload and protocol of all torrents together, bytes per second; `Infinity` for no limit. */
  readonly downloadRateLimit: number;
  readonly uploadRateLimit: number;
  /** Peers that may download from us at a time; `Infinity` for all. */
  readonly uploadSlots: number;
  /** Connections of the whole session. */
  readonly maxConnections: number;
  readonly maxConnectionsPerTorrent: number;
  /** Connection attempts under way at a time. */
  readonly maxHalfOpen: number;
  /** Connection attempts begun per second. */
  readonly dialsPerSecond: number;
}

/** What a session has when nothing else is said: fit for a desktop. */
export const DEFAULT_SETTINGS: SessionSettings = {
  downloadRateLimit: Number.POSITIVE_INFINITY,
  uploadRateLimit: Number.POSITIVE_INFINITY,
  uploadSlots: 8,
  maxConnections: 200,
  maxConnectionsPerTorrent: 50,
  maxHalfOpen: 50,
  dialsPerSecond: 30,
};

/**
 * The present settings with the changes.
 *
 * @throws SessionError `ERR_SESSION_SETTING` naming the setting.
 */
export function changedSettings(
  present: SessionSettings,
  changes: Partial<SessionSettings>,
): SessionSettings {
  const next = { ...present };
  for (const name of Object.keys(present) as (keyof SessionSettings)[]) {
    const value = changes[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new SessionError(
        "ERR_SESSION_SETTING",
        `setting ${name} must be a number ≥ 0, not ${String(value)}`,
      );
    }
    next[name] = value;
  }
  const unknown = Object.keys(changes).find((name) => !(name in present));
  if (unknown !== undefined) {
    throw new SessionError("ERR_SESSION_SETTING", `there is no setting '${unknown}'`);
  }
  return next;
}
