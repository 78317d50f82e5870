// Ready-made settings for three kinds of machines.
import { totalmem } from "node:os";
import { arc, type CachePolicyFactory, lru } from "@shoal/disk-io";
import { DEFAULT_SETTINGS, type SessionSettings } from "./settings.ts";

/** - `embedded`: little memory, few connections
 *  - `desktop`: the default
 *  - `seedbox`: a quarter of the memory (at most 2 GiB), everybody unchoked */
export type Preset = "embedded" | "desktop" | "seedbox";

/** Their names. */
export const PRESETS: readonly Preset[] = ["embedded", "desktop", "seedbox"];

/** What a preset fixes; see {@link SessionSettings}. */
export interface PresetValues {
  /** Bytes for all blocks between sockets and disk. */
  readonly cacheSize: number;
  readonly policy: CachePolicyFactory;
  readonly settings: SessionSettings;
}

const MIB = 1024 * 1024;

export function presetValues(preset: Preset): PresetValues {
  switch (preset) {
    case "embedded":
      return {
        cacheSize: 4 * MIB,
        policy: lru(),
        settings: {
          ...DEFAULT_SETTINGS,
          uploadSlots: 4,
          maxConnections: 40,
          maxConnectionsPerTorrent: 20,
          maxHalfOpen: 8,
          dialsPerSecond: 5,
        },
      };
    case "desktop":
      return { cacheSize: 64 * MIB, policy: arc(), settings: DEFAULT_SETTINGS };
    case "seedbox":
      return {
        cacheSize: Math.min(Math.floor(totalmem() / 4), 2048 * MIB),
        policy: arc(),
        settings: {
          ...DEFAULT_SETTINGS,
          uploadSlots: Number.POSITIVE_INFINITY,
          maxConnections: 8000,
          maxConnectionsPerTorrent: 500,
          maxHalfOpen: 200,
          dialsPerSecond: 200,
        },
      };
  }
}
