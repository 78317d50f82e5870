// Peers that are played: they speak the extension protocol and do what a script says.
import { type BencodeInput, decodePrefix, encode } from "@shoal/bencode";
import type { Duplex, Endpoint } from "@shoal/core";
import { encodePex } from "@shoal/pex";
import { ScriptedPeer, type SimHost, type Simulation } from "@shoal/testkit";
import { makePeerId } from "@shoal/wire";
import { type Findable, PORT, patient } from "./finding.fixture.ts";
import type { Wiretap } from "./wiretap.fixture.ts";

/** What a played peer says of itself, and does. */
export interface Part {
  /** `metadata_size`, as it claims. */
  readonly metadataSize?: number;
  /** The other side's handshake has come. */
  ready?(send: PlayedPeer): void;
  /** A piece of metadata was asked for. */
  requested?(piece: number, send: PlayedPeer): void;
}

/** Sends messages of extensions to whoever is on the other end. */
export class PlayedPeer {
  readonly #peer: ScriptedPeer;
  readonly #sim: Simulation;
  /** The other end of the connection. */
  readonly remote: Endpoint;
  /** Their extension ids by name. */
  #theirs: ReadonlyMap<string, number> = new Map();
  #isOver = false;

  constructor(sim: Simulation, duplex: Duplex, torrent: Findable, part: Part) {
    this.#sim = sim;
    this.remote = duplex.remote;
    this.#peer = new ScriptedPeer(duplex, {
      extended: (id, payload) => this.#received(id, payload, part),
      closed: () => {
        this.#isOver = true;
      },
    });
    const infoHash = torrent.metainfo.infoHashes.v1 ?? new Uint8Array(20);
    this.#peer.handshake(infoHash, makePeerId("-EV0000-", sim.entropy));
    this.#extended(0, {
      m: { ut_metadata: METADATA, ut_pex: PEX },
      metadata_size: part.metadataSize,
      p: PORT,
    });
    this.#peer.encoder.haveNone();
    this.#peer.flush();
  }

  /** Tells of peers, and that others are gone. */
  pex(added: readonly Endpoint[], dropped: readonly Endpoint[] = []): void {
    const payload = encodePex({ added: added.map((it) => ({ ...it, flags: 0 })), dropped });
    const id = this.#theirs.get("ut_pex");
    if (id === undefined || this.#isOver) return;
    this.#peer.encoder.extended(id, payload);
    this.#peer.flush();
  }

  /** Gives a piece of metadata. */
  data(piece: number, totalSize: number, bytes: Uint8Array): void {
    const head = encode({ msg_type: 1, piece, total_size: totalSize });
    this.#metadata(Buffer.concat([head, bytes]));
  }

  reject(piece: number): void {
    this.#metadata(encode({ msg_type: 2, piece }));
  }

  /** Does it now, and again after each such time until the connection is over; in ms. */
  every(ms: number, act: () => void): void {
    const alarm = this.#sim.deadlines.alarm((now) => {
      if (this.#isOver) return;
      act();
      alarm.set(now + ms);
    });
    alarm.set(this.#sim.clock.now());
  }

  #metadata(payload: Uint8Array): void {
    const id = this.#theirs.get("ut_metadata");
    if (id === undefined || this.#isOver) return;
    this.#peer.encoder.extended(id, payload);
    this.#peer.flush();
  }

  #extended(id: number, message: BencodeInput): void {
    this.#peer.encoder.extended(id, encode(message));
    this.#peer.flush();
  }

  #received(id: number, payload: Uint8Array, part: Part): void {
    const value = decodePrefix(payload).value as ReturnType<typeof decodePrefix>["value"] & {
      dict(name: string): { entries(): Iterable<[string, unknown]> } | undefined;
      int(name: string): number | undefined;
    };
    if (id === 0) {
      const isFirst = this.#theirs.size === 0;
      const named = [...(value.dict("m")?.entries() ?? [])];
      this.#theirs = new Map(named.map(([name, chosen]) => [name, Number(chosen)]));
      if (isFirst) part.ready?.(this);
    } else if (id === METADATA && value.int("msg_type") === 0) {
      part.requested?.(value.int("piece") ?? 0, this);
    }
  }
}

const METADATA = 1;
const PEX = 2;

/**
 * Plays the part to everybody who dials the host.
 *
 * @returns Dials a victim too.
 */
export async function play(
  sim: Simulation,
  tap: Wiretap,
  host: SimHost,
  torrent: Findable,
  part: Part,
): Promise<(victim: Endpoint) => void> {
  const { address } = host;
  const transport = patient(sim, tap.transport(host.transport(), address));
  const act = (duplex: Duplex): void => void new PlayedPeer(sim, duplex, torrent, part);
  await transport.listen({ address, port: PORT }, act);
  const { signal } = new AbortController();
  return (victim) => void transport.dial(victim, { signal }).then(act, () => {});
}
