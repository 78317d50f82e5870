// Nothing unused gets loaded: which packages come in with a session, asked of Node itself.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const FEATURES = ["tracker", "dht", "lsd", "pex", "metadata", "webseed", "portmap"];

/** The packages of the workspace, and undici, that a program loads. */
async function loadedBy(program: string): Promise<string[]> {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = new Set();
    registerHooks({
      load: (url, context, next) => {
        const name = /packages\\/([a-z-]+)\\/|node_modules\\/(undici)\\//.exec(url);
        if (name) loaded.add(name[1] ?? name[2]);
        return next(url, context);
      },
    });
    ${program}
    console.log(JSON.stringify([...loaded].sort()));
    process.exit(0);
  `;
  const args = ["--conditions=shoal-source", "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: import.meta.dirname,
  });
  const names: string[] = JSON.parse(stdout);
  return names;
}

/** A session that seeds a torrent, with these options. */
function running(options: string): string {
  return `
    const { createSession } = await import("@shoal/session");
    const { buildTorrent } = await import("@shoal/metainfo");
    const { memoryStore } = await import("@shoal/disk-io");
    const session = await createSession({ port: 0, bind: ["127.0.0.1"], ${options} });
    const torrent = await session.add(
      buildTorrent({ name: "a", files: [{ path: ["a"], length: 5 }], pieceLength: 16384, pieceHashes: new Uint8Array(20) }),
      { store: memoryStore() },
    );
    while (torrent.state !== "downloading") await torrent.once("state");
  `;
}

describe("what is loaded", () => {
  it("by the bare session: no discovery, no optional protocol, no HTTP client", async () => {
    const loaded = await loadedBy(`await import("@shoal/session/bare");`);
    expect(loaded).toContain("torrent");
    expect(loaded.filter((name) => [...FEATURES, "net", "undici"].includes(name))).toEqual([]);
  });

  it("by a session with everything off: neither", async () => {
    const off =
      "trackers: false, dht: false, lsd: false, portMapping: false, pex: false, metadata: false, webSeeds: false";
    const loaded = await loadedBy(running(off));
    expect(loaded).toContain("net");
    expect(loaded.filter((name) => [...FEATURES, "undici"].includes(name))).toEqual([]);
  });

  it.each([
    ["trackers", "tracker"],
    ["pex", "pex"],
    ["metadata", "metadata"],
    ["webSeeds", "webseed"],
    ["lsd", "lsd"],
    ["portMapping", "portmap"],
  ])("by a session with %s: that and no other", async (feature, name) => {
    const others = "trackers dht lsd pex metadata webSeeds portMapping".split(" ");
    const off = others.filter((other) => other !== feature).map((other) => `${other}: false`);
    const loaded = await loadedBy(running(off.join(", ")));
    expect(loaded.filter((one) => FEATURES.includes(one))).toEqual([name]);
  });
});
