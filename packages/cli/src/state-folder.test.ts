import { join } from "node:path";
import { expect, it } from "vitest";
import { stateFolder } from "./state-folder.ts";

it("is where the system's users expect it", () => {
  const home = "/home/ann";
  expect(stateFolder({}, "linux", home)).toBe(join(home, ".local/state/shoal"));
  expect(stateFolder({ XDG_STATE_HOME: "/var/ann" }, "linux", home)).toBe(join("/var/ann/shoal"));
  expect(stateFolder({ XDG_STATE_HOME: "here" }, "linux", home)).toMatch(/^.home/);
  expect(stateFolder({}, "win32", home)).toBe(join(home, "AppData", "Local", "shoal"));
  expect(stateFolder({ LOCALAPPDATA: "/local" }, "win32", home)).toBe(join("/local/shoal"));
});
