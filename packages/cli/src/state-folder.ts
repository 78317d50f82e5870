// Where the program keeps what it learns, for each user.
import { homedir } from "node:os";
import { join } from "node:path";
import type { Io } from "./io.ts";

/**
 * `%LOCALAPPDATA%\\shoal` on Windows, else `$XDG_STATE_HOME/shoal`, which is `~/.local/state/shoal`
 * where it is not set (XDG Base Directory Specification). It need not exist.
 */
export function stateFolder(
  env: Io["env"],
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (platform === "win32") {
    return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "shoal");
  }
  // The specification has relative paths ignored.
  const xdg = env.XDG_STATE_HOME?.startsWith("/") ? env.XDG_STATE_HOME : undefined;
  return join(xdg ?? join(home, ".local", "state"), "shoal");
}
