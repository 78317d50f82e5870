// A whole swarm in the simulator, of toy peers: what the network itself costs.
import { Bitfield, BLOCK_SIZE, type Duplex, randomInt } from "@shoal/core";
import { expect, it } from "vitest";
import type { SimHost } from "./host.ts";
import { ScriptedPeer } from "./scripted-peer.ts";
import { createSimulation, type Simulation } from "./simulation.ts";

// A swarm of the simplest peers that work: every one asks every other, piece by piece at random.

const PIECE = 256 * 1024;
const BLOCKS = PIECE / BLOCK_SIZE;
const INFO_HASH = new Uint8Array(20).fill(1);

it("runs a seed and 20 leeches with 64 MiB in seconds, the same way each time", async () => {
  const first = await swarm(1, 20, 256);
  expect(first.filter((line) => line.endsWith("complete"))).toHaveLength(20);
  expect(first.filter((line) => line.includes("accept"))).toHaveLength(210);
}, 30_000);

it("gives equal logs for equal seeds only", async () => {
  const first = await swarm(1, 5, 32);
  expect(await swarm(1, 5, 32)).toEqual(first);
  expect(await swarm(2, 5, 32)).not.toEqual(first);
});

async function swarm(seed: number, leeches: number, pieces: number): Promise<readonly string[]> {
  const sim = createSimulation({ seed });
  const peers = Array.from({ length: leeches + 1 }, (_, i) => new ToyPeer(sim, i, pieces));
  for (const peer of peers) await peer.listen();
  for (const [i, peer] of peers.entries()) for (let j = 0; j < i; j++) void peer.dial(j);
  await sim.run(() => peers.every(({ have }) => have.isFull), 600_000);
  return sim.history;
}

interface Link {
  readonly peer: ScriptedPeer;
  theirs: Bitfield;
  /** What is asked for, or −1. */
  piece: number;
  /** Blocks that are still to come. */
  left: number;
}

class ToyPeer {
  readonly have: Bitfield;
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #host: SimHost;
  readonly #links: Link[] = [];
  readonly #wanted: Set<number>;

  constructor(sim: Simulation, index: number, pieces: number) {
    this.#sim = sim;
    this.#name = address(index);
    this.#host = sim.network.host(this.#name, {
      uploadBytesPerSecond: 4e6,
      downloadBytesPerSecond: 20e6,
      latencyMs: 5 + index,
    });
    this.have = index === 0 ? Bitfield.full(pieces) : new Bitfield(pieces);
    this.#wanted = new Set(index === 0 ? [] : Array.from({ length: pieces }, (_, i) => i));
  }

  async listen(): Promise<void> {
    await this.#host.transport().listen({ address: "0.0.0.0", port: 1 }, (d) => this.#join(d));
  }

  async dial(to: number): Promise<void> {
    const { signal } = new AbortController();
    this.#join(await this.#host.transport().dial({ address: address(to), port: 1 }, { signal }));
  }

  #join(duplex: Duplex): void {
    let wrong = 0;
    let expected = 0;
    const link: Link = {
      theirs: new Bitfield(this.have.length),
      piece: -1,
      left: 0,
      peer: new ScriptedPeer(duplex, {
        bitfield: (bits) => {
          link.theirs = Bitfield.from(bits, this.have.length) ?? link.theirs;
          this.#ask(link);
        },
        have: (piece) => {
          link.theirs.add(piece);
          if (link.piece < 0) this.#ask(link);
        },
        request: (piece, begin, length) => {
          link.peer.encoder.piece(piece, begin, payload(piece, length));
          link.peer.flush();
        },
        pieceStart: (piece) => {
          expected = piece & 0xff;
        },
        pieceData: (chunk, start, end) => {
          for (let i = start; i < end; i += 997) if (chunk[i] !== expected) wrong++;
        },
        pieceEnd: () => {
          link.left--;
          if (link.left > 0) return;
          expect(wrong).toBe(0);
          this.#got(link.piece);
          this.#ask(link);
        },
      }),
    };
    this.#links.push(link);
    link.peer.handshake(INFO_HASH, new Uint8Array(20));
    link.peer.encoder.bitfield(this.have.bytes.slice());
    link.peer.flush();
  }

  #ask(link: Link): void {
    const choices = [...this.#wanted].filter((piece) => link.theirs.has(piece));
    link.piece = choices[randomInt(this.#sim.rng, choices.length)] ?? -1;
    if (link.piece < 0) return;
    this.#wanted.delete(link.piece);
    link.left = BLOCKS;
    for (let i = 0; i < BLOCKS; i++) {
      link.peer.encoder.request(link.piece, i * BLOCK_SIZE, BLOCK_SIZE);
    }
    link.peer.flush();
  }

  #got(piece: number): void {
    this.have.add(piece);
    if (this.have.isFull) this.#sim.log(`${this.#name} complete`);
    for (const { peer } of this.#links) {
      peer.encoder.have(piece);
      peer.flush();
    }
  }
}

function address(index: number): string {
  return `10.0.0.${index + 1}`;
}

const payloads = Array.from({ length: 256 }, (_, i) => new Uint8Array(BLOCK_SIZE).fill(i));

function payload(piece: number, length: number): Uint8Array {
  return (payloads[piece & 0xff] ?? new Uint8Array(0)).subarray(0, length);
}
