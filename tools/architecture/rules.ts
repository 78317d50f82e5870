// The architecture as data: which package may import which, what is pure, how big a thing may grow.

/** The rules that a tree is checked against; tests bring smaller ones. */
export interface Rules {
  /** Folder below `packages/` → folders of the workspace packages that it may import. */
  readonly arrows: Readonly<Record<string, readonly string[]>>;
  /** Packages whose code reads no clock, timer or random source and runs in any runtime. */
  readonly pure: readonly string[];
  /** Entries, by package, that adapt a pure package to Node: `server` is `src/server.ts` and `src/server/`. */
  readonly nodeEntries: Readonly<Record<string, readonly string[]>>;
  /** What a `node` entry may import beyond its package's arrows. */
  readonly nodeEntryArrows: readonly string[];
  /** Lines of all sources of a package, tests not counted. */
  readonly packageLines: Readonly<Record<string, number>>;
  /** Lines of one source file, tests not counted. */
  readonly fileLines: number;
  /** Instance fields of one class. */
  readonly classFields: number;
}

const core: readonly string[] = ["core"];
const protocol: readonly string[] = ["core", "bencode"];
const extension: readonly string[] = [...protocol, "wire"];
const belowSession: readonly string[] = [
  ...extension,
  "metainfo",
  "metadata",
  "pex",
  "holepunch",
  "dht",
  "utp",
  "tracker",
  "lsd",
  "webseed",
  "picker",
  "policy",
  "disk-io",
  "net",
  "portmap",
  "peer",
  "swarm",
  "torrent",
];

/** The rules of this repository. */
export const RULES: Rules = {
  arrows: {
    core: [],
    bencode: [],
    metainfo: protocol,
    wire: protocol,
    metadata: extension,
    pex: extension,
    holepunch: extension,
    dht: protocol,
    utp: core,
    tracker: protocol,
    lsd: core,
    webseed: ["core", "metainfo"],
    picker: core,
    policy: core,
    "disk-io": ["core", "metainfo"],
    net: core,
    portmap: ["core", "net"],
    peer: ["core", "wire"],
    swarm: ["core", "wire", "peer", "picker", "policy"],
    torrent: [...protocol, "metainfo", "wire", "peer", "picker", "policy", "swarm", "disk-io"],
    session: belowSession,
    cli: [...belowSession, "session"],
    testkit: ["core", "wire", "peer", "disk-io"],
  },
  pure: [
    "core",
    "bencode",
    "metainfo",
    "wire",
    "metadata",
    "pex",
    "holepunch",
    "dht",
    "utp",
    "tracker",
    "lsd",
    "webseed",
    "picker",
    "policy",
    "peer",
    "swarm",
  ],
  nodeEntries: { tracker: ["server", "node"], dht: ["node"], utp: ["node"], lsd: ["node"] },
  nodeEntryArrows: ["net"],
  // Of the session's, a third binds its nine services to sockets and files.
  packageLines: { session: 1_750, torrent: 3_000, peer: 2_000, swarm: 1_500 },
  fileLines: 400,
  classFields: 15,
};
