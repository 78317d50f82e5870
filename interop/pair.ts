// One transfer from a seeding client to a downloading one, from start to proof.
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import { connect, type ForeignClient, type RunningClient } from "./client.ts";
import {
  differences,
  makePayload,
  makeTorrent,
  type Payload,
  type PayloadKind,
  type TorrentMaker,
} from "./payloads.ts";

/** Who sends what to whom, and how they meet. */
export interface Transfer {
  readonly seed: ForeignClient;
  readonly leech: ForeignClient;
  readonly kind: PayloadKind;
  /** In bytes. */
  readonly pieceLength: number;
  readonly maker: TorrentMaker;
  readonly address: string;
  /** Which side opens the connection, if it can. */
  readonly dialler: "seed" | "leech";
  /** The leech has only a magnet link. */
  readonly byMagnet?: boolean;
}

/** A temporary folder with the payloads, made once for many transfers. */
export interface Workshop {
  /**
   * Runs a transfer and gives the differences between what was sent and what arrived: none if all
   * is well.
   *
   * @throws Error with both clients' last output if one of them fails or takes too long.
   */
  transfer(transfer: Transfer): Promise<string[]>;
  /** Removes all files. */
  close(): Promise<void>;
}

/** Makes the workshop. */
export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), "shoal-interop-"));
  const source = join(root, "source");
  await mkdir(source);
  const payloads = new Map<PayloadKind, Promise<Payload>>();
  const torrents = new Map<string, Promise<string>>();
  let count = 0;

  const payloadOf = (kind: PayloadKind): Promise<Payload> => {
    const made = payloads.get(kind) ?? makePayload(kind, source);
    payloads.set(kind, made);
    return made;
  };
  const torrentOf = ({ kind, pieceLength, maker }: Transfer): Promise<string> => {
    const file = join(root, `${kind}-${pieceLength}-${maker}.torrent`);
    const made =
      torrents.get(file) ??
      payloadOf(kind).then((payload) =>
        makeTorrent(payload, pieceLength, maker, file).then(() => file),
      );
    torrents.set(file, made);
    return made;
  };

  return {
    async transfer(transfer) {
      const payload = await payloadOf(transfer.kind);
      const torrentFile = await torrentOf(transfer);
      const here = join(root, String(count++));
      await move(transfer, payload, torrentFile, here);
      const { makesEmptyFiles } = transfer.leech;
      const found = await differences(payload.root, join(here, "out", basename(payload.root)), {
        emptyFiles: makesEmptyFiles,
      });
      await rm(here, { recursive: true });
      return found;
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function move(
  { seed, leech, address, dialler, byMagnet = false }: Transfer,
  payload: Payload,
  torrentFile: string,
  here: string,
): Promise<void> {
  const started: RunningClient[] = [];
  const start = async (client: ForeignClient, role: "seed" | "leech", dir: string) => {
    const work = join(here, role);
    await mkdir(work, { recursive: true });
    await mkdir(dir, { recursive: true });
    const magnet = role === "leech" && byMagnet ? await magnetOf(torrentFile) : undefined;
    const running = await client.start({ role, torrentFile, magnet, dir, work, address });
    started.push(running);
    return { client, running };
  };
  try {
    const from = await start(seed, "seed", dirname(payload.root));
    const to = await start(leech, "leech", join(here, "out"));
    await (dialler === "seed" ? connect(from, to) : connect(to, from));
    await to.running.finished();
  } catch (error) {
    const logs = started.map((running) => running.logs()).join("\n---\n");
    throw new Error(`${seed.name} → ${leech.name}: ${String(error)}\n${logs}`, { cause: error });
  } finally {
    for (const running of started.reverse()) await running.close();
  }
}

/** Nothing but the info-hash: all else must come from peers. */
async function magnetOf(torrentFile: string): Promise<string> {
  const { infoHashes } = parseTorrent(await readFile(torrentFile));
  return formatMagnet({ infoHashes });
}
