// What picking costs: pieces × peers × strategy, against a picker that looks at every piece.
import { cpus } from "node:os";
import { Bitfield, createRng, PieceGeometry, type PieceIndex, type Rng } from "@shoal/core";
import { BlockList, type PickingPeer, PiecePicker } from "@shoal/picker";

const BLOCKS_PER_PIECE = 16;
const BLOCKS_PER_PICK = 8;
/** Of the connected peers, one in ten is a seed; the others have half of the pieces. */
const SEED_SHARE = 10;
const BUDGET_MS = 400;

interface Strategy {
  readonly name: string;
  readonly contiguous: number;
  readonly sequential: boolean;
  /** Which peers ask. */
  readonly who: (peer: PickingPeer) => boolean;
}

const isSeed = (peer: PickingPeer): boolean => peer.have.isFull;

const STRATEGIES: readonly Strategy[] = [
  { name: "rarest first, from seeds", contiguous: 0, sequential: false, who: isSeed },
  { name: "same, fast seeds", contiguous: 64, sequential: false, who: isSeed },
  { name: "sequential, from seeds", contiguous: 0, sequential: true, who: isSeed },
  { name: "rarest first, from all", contiguous: 0, sequential: false, who: () => true },
];

/** The picker that one would write first: every pick looks at every piece. */
class NaivePicker {
  readonly #availability: number[];
  readonly #nextBlock: number[];

  constructor(pieces: number, peers: readonly PickingPeer[]) {
    this.#availability = Array.from({ length: pieces }, (_, piece) =>
      peers.reduce((count, peer) => count + (peer.have.has(piece) ? 1 : 0), 0),
    );
    this.#nextBlock = this.#availability.map(() => 0);
  }

  pick(peer: PickingPeer, count: number, out: BlockList): void {
    for (let left = count; left > 0; ) {
      let best = -1;
      let rarest = Number.POSITIVE_INFINITY;
      for (let piece = 0; piece < this.#availability.length; piece++) {
        const next = this.#nextBlock[piece] ?? 0;
        if (next === BLOCKS_PER_PIECE || !peer.have.has(piece)) continue;
        const rarity = next > 0 ? -1 : (this.#availability[piece] ?? 0);
        if (rarity >= rarest) continue;
        best = piece;
        rarest = rarity;
      }
      if (best < 0) return;
      for (; left > 0 && (this.#nextBlock[best] ?? 0) < BLOCKS_PER_PIECE; left--) {
        out.push(best, this.#nextBlock[best] ?? 0);
        this.#nextBlock[best] = (this.#nextBlock[best] ?? 0) + 1;
      }
    }
  }
}

function makePeers(pieces: number, count: number, rng: Rng): PickingPeer[] {
  return Array.from({ length: count }, (_, id) => {
    const have = new Bitfield(pieces);
    if (id % SEED_SHARE === 0) have.fill();
    else for (let piece = 0; piece < pieces; piece++) if (rng() < 0.5) have.add(piece);
    return { id, have, snubbed: false, onParole: false };
  });
}

function makePicker(pieces: number): PiecePicker {
  const length = BLOCKS_PER_PIECE * 16_384;
  return new PiecePicker({
    geometry: new PieceGeometry(pieces * length, length),
    rng: createRng(1),
    initialRandomPieces: 0,
  });
}

/** CPU time of this thread in milliseconds: other programs on the machine don't count. */
function cpuNow(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

/** Nanoseconds per picked block, and per block for the rest of its life. */
function benchPick(
  pieces: number,
  peers: readonly PickingPeer[],
  strategy: Strategy,
): { pick: number; life: number } {
  let picker = makePicker(pieces);
  const start = (): void => {
    picker = makePicker(pieces);
    picker.sequential = strategy.sequential;
    for (const peer of peers) picker.peerBitfield(peer);
    picker.isInteresting(peers[0] as PickingPeer);
  };
  const asking = peers.filter(strategy.who);
  const out = new BlockList();
  const owners: number[] = [];
  let blocks = 0;
  let picking = 0;
  let living = 0;
  start();
  const until = cpuNow() + BUDGET_MS;
  while (cpuNow() < until) {
    out.clear();
    owners.length = 0;
    const before = cpuNow();
    for (const peer of asking) {
      picker.pick(peer, BLOCKS_PER_PICK, strategy.contiguous, undefined, out);
      while (owners.length < out.length) owners.push(peer.id);
    }
    const between = cpuNow();
    for (let i = 0; i < out.length; i++) {
      const piece = out.piece(i);
      if (picker.received(owners[i] ?? 0, piece, out.block(i)) === "complete") picker.stored(piece);
    }
    living += cpuNow() - between;
    picking += between - before;
    blocks += out.length;
    if (out.length === 0 || picker.wantedLeft < pieces / 10) start();
  }
  return { pick: (picking * 1e6) / blocks, life: (living * 1e6) / blocks };
}

function benchNaive(pieces: number, peers: readonly PickingPeer[]): number {
  const asking = peers.filter(isSeed);
  const out = new BlockList();
  let blocks = 0;
  let picking = 0;
  while (picking < BUDGET_MS) {
    const naive = new NaivePicker(pieces, peers);
    const start = cpuNow();
    do {
      out.clear();
      for (const peer of asking) naive.pick(peer, BLOCKS_PER_PICK, out);
      blocks += out.length;
    } while (out.length > 0 && picking + cpuNow() - start < BUDGET_MS);
    picking += cpuNow() - start;
  }
  return (picking * 1e6) / blocks;
}

/** Mean microseconds of CPU time of one call. */
function time(rounds: number, call: (round: number) => void): number {
  const start = cpuNow();
  for (let round = 0; round < rounds; round++) call(round);
  return ((cpuNow() - start) * 1e3) / rounds;
}

function benchEvents(pieces: number, count: number): void {
  const rng = createRng(5);
  const peers = makePeers(pieces, count, rng);
  const picker = makePicker(pieces);
  for (const peer of peers) picker.peerBitfield(peer);
  const out = new BlockList();
  const seed = peers[0] as PickingPeer;
  const leech = peers[1] as PickingPeer;
  const pick = (peer: PickingPeer): void => {
    out.clear();
    picker.pick(peer, 1, 0, undefined, out);
    for (let i = 0; i < out.length; i++) picker.abandoned(peer.id, out.piece(i), out.block(i));
  };
  const rejoin = (peer: PickingPeer): void => {
    picker.peerGone(peer);
    picker.peerBitfield(peer);
  };
  pick(seed);
  const few: PickingPeer = {
    id: count,
    have: new Bitfield(pieces),
    snubbed: false,
    onParole: false,
  };
  picker.peerBitfield(few);
  for (let i = 0; i < 20; i++) {
    const piece = Math.floor(rng() * pieces) as PieceIndex;
    if (few.have.add(piece)) picker.peerHas(few, piece);
  }
  const none: PickingPeer = { ...few, id: count + 1, have: new Bitfield(pieces) };
  picker.peerBitfield(none);
  const rows: [string, number][] = [
    ["seed leaves and joins", time(100_000, () => rejoin(seed))],
    ["leech leaves and joins, counted only", time(200, () => rejoin(leech))],
    [
      "leech leaves and joins, then a pick",
      time(100, () => {
        rejoin(leech);
        pick(seed);
      }),
    ],
    [
      "have message",
      time(200_000, () => {
        const piece = Math.floor(rng() * pieces) as PieceIndex;
        if (leech.have.delete(piece)) picker.peerLost(leech, piece);
        else if (leech.have.add(piece)) picker.peerHas(leech, piece);
      }),
    ],
    ["pick from a peer with 20 pieces", time(50_000, () => pick(few))],
    ["pick from a peer that has nothing for us", time(500_000, () => pick(none))],
    [
      "interest in every peer after a piece",
      time(2000, (round) => {
        picker.stored(((round * 7919) % pieces) as PieceIndex);
        for (const peer of peers) picker.isInteresting(peer);
      }),
    ],
    [
      "priority change, then a pick",
      time(100, (round) => {
        picker.setPriority((round + 1) as PieceIndex, 1 + (round % 7));
        pick(seed);
      }),
    ],
  ];
  console.log(`\n${pieces.toLocaleString("en")} pieces, ${count} peers: other events`);
  for (const [name, us] of rows)
    console.log(`  ${name.padEnd(44)}${us.toFixed(2).padStart(12)} µs`);
}

console.log(`${process.version}, ${cpus()[0]?.model ?? "unknown CPU"}`);
console.log(
  `ns of CPU time per block; ${BLOCKS_PER_PIECE} blocks to a piece, ${BLOCKS_PER_PICK} to a pick\n`,
);
console.log(
  `${"pieces".padStart(8)}${"peers".padStart(7)}  ${"strategy".padEnd(28)}${"pick".padStart(10)}${"receive".padStart(10)}`,
);
for (const pieces of [1000, 10_000, 100_000]) {
  for (const count of [10, 50, 500]) {
    const peers = makePeers(pieces, count, createRng(3));
    const row = (name: string, pick: number, life?: number): void => {
      console.log(
        `${String(pieces).padStart(8)}${String(count).padStart(7)}  ${name.padEnd(28)}${pick.toFixed(0).padStart(10)}${(life?.toFixed(0) ?? "").padStart(10)}`,
      );
    };
    for (const strategy of STRATEGIES) {
      const { pick, life } = benchPick(pieces, peers, strategy);
      row(strategy.name, pick, life);
    }
    row("naive, from seeds", benchNaive(pieces, peers));
  }
}
benchEvents(10_000, 50);
benchEvents(100_000, 500);
