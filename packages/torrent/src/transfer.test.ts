import { createHash } from "node:crypto";
import { BLOCK_SIZE, blockIndex, pieceIndex } from "@shoal/core";
import { type DiskTorrent, NO_SLOT } from "@shoal/disk-io";
import type { Peer } from "@shoal/peer";
import { PiecePicker } from "@shoal/picker";
import { RateLimit } from "@shoal/policy";
import type { Connection } from "@shoal/swarm";
import { beforeEach, describe, expect, it } from "vitest";
import { sample } from "../testing/world.ts";
import { Transfer } from "./transfer.ts";

/** Four pieces of two blocks. */
const { metainfo } = sample([4 * 2 * BLOCK_SIZE], 2 * BLOCK_SIZE);
const { geometry } = metainfo;
const [P0, B0, B1] = [pieceIndex(0), blockIndex(0), blockIndex(1)];

let log: string[];
let slots: number;
let connections: Map<number, Connection>;
let picker: PiecePicker;
let transfer: Transfer;
let downloadLimit: RateLimit;

beforeEach(() => {
  log = [];
  slots = 100;
  connections = new Map();
  picker = new PiecePicker({ geometry, rng: () => 0 });
  downloadLimit = new RateLimit();
  const note =
    (what: string) =>
    (...args: unknown[]): void => {
      log.push([what, ...args.map(textOf)].join(" "));
    };
  transfer = new Transfer(
    {
      clock: { now: () => 0 },
      connection: (id) => connections.get(id),
      sender: (id) => connections.get(id),
      pieceStored: note("stored"),
      blocksReopened: note("reopened"),
      ban: note("ban"),
      suspect: note("suspect"),
      credit: note("credit"),
      blocksRead: note("read"),
      readFailed: note("read failed"),
      writeFailed: note("write failed"),
    },
    picker,
    geometry,
    { download: downloadLimit, upload: new RateLimit() },
  );
  transfer.useDisk({
    allocate: () => (slots > 0 ? --slots : NO_SLOT),
    free: note("free"),
    put: (...args: unknown[]) => {
      note("put")(...args);
      return true;
    },
    complete: note("complete"),
    discard: note("discard"),
  } as unknown as DiskTorrent);
});

/** A connected seed that serves us; its slot in the peer list is ten times its id. */
function seed(id: number): Peer {
  const peer = {
    id,
    download: { choked: false, allowedFast: undefined },
  } as unknown as Peer;
  const have = metainfoHave();
  const connection = {
    id,
    peer,
    have,
    snubbed: false,
    onParole: false,
    slot: id * 10,
    cancel: (piece: number, block: number) => log.push(`cancel ${piece}:${block} at ${id}`),
    downloadLimit: new RateLimit({ parent: downloadLimit }),
  } as unknown as Connection;
  connections.set(id, connection);
  picker.peerBitfield(connection);
  return peer;
}

function receive(peer: Peer, piece: number, block: number): void {
  const [p, b] = [pieceIndex(piece), blockIndex(block)];
  const slot = transfer.blockBegins(peer, p, b);
  if (slot !== NO_SLOT) transfer.blockEnds(peer, p, b, slot);
}

const digests = (...blocks: string[]): Uint8Array =>
  Buffer.concat(blocks.map((text) => createHash("sha1").update(text).digest()));

describe("Transfer", () => {
  it("puts what is wanted, completes the piece, and counts", () => {
    const peer = seed(1);
    receive(peer, 0, 0);
    receive(peer, 0, 1);
    expect(log).toEqual(["put 0 0 99", "put 0 1 98", "complete 0"]);
    expect(transfer.totals.downloaded.total).toBe(2 * BLOCK_SIZE);
    transfer.pieceStored(P0);
    expect(log.slice(3)).toEqual(["credit 10", "stored 0"]);
    expect(picker.have.has(0)).toBe(true);
  });

  it("drops what it has, and what there is no memory for; the latter can be asked for again", () => {
    const peer = seed(1);
    receive(peer, 0, 0);
    expect(transfer.blockBegins(peer, P0, B0)).toBe(NO_SLOT);
    expect(transfer.totals.redundant).toBe(BLOCK_SIZE);
    slots = 0;
    const picked = transfer.pick(peer, 1, 0);
    const [piece, block] = [picked.piece(0), picked.block(0)];
    expect(picker.requestsOf(1)).toBe(1);
    expect(transfer.blockBegins(peer, piece, block)).toBe(NO_SLOT);
    expect(picker.requestsOf(1)).toBe(0);
    expect(picker.isWanted(piece, block)).toBe(true);
  });

  it("frees the second copy when two peers' copies of a block arrive at the same time", () => {
    const [one, two] = [seed(1), seed(2)];
    const first = transfer.blockBegins(one, P0, B0);
    const second = transfer.blockBegins(two, P0, B0);
    transfer.blockEnds(one, P0, B0, first);
    transfer.blockEnds(two, P0, B0, second);
    expect(log).toEqual([`put 0 0 ${first}`, `free ${second}`]);
    expect(transfer.totals).toMatchObject({ redundant: BLOCK_SIZE });
    expect(transfer.totals.downloaded.total).toBe(BLOCK_SIZE);
  });

  it("withdraws the request for a block at others when it has arrived (end-game)", () => {
    const [one, two] = [seed(1), seed(2)];
    expect(transfer.pick(one, 100, 0)).toHaveLength(8);
    const picked = transfer.pick(two, 100, 0);
    expect(picked).toHaveLength(1);
    const [piece, block] = [picked.piece(0), picked.block(0)];
    receive(one, piece, block);
    expect(log).toContain(`cancel ${piece}:${block} at 2`);
    expect(log.filter((entry) => entry.startsWith("cancel"))).toHaveLength(1);
  });

  it("picks only what was allowed while choked, and nothing for strangers", () => {
    const peer = seed(1);
    const allowedFast = metainfoHave();
    for (const piece of [0, 1, 3]) allowedFast.delete(piece);
    Object.assign(peer.download, { choked: true, allowedFast });
    const picked = transfer.pick(peer, 100, 0);
    expect([picked.length, picked.piece(0)]).toEqual([2, 2]);
    expect(transfer.pick({ id: 9, download: peer.download } as Peer, 100, 0)).toHaveLength(0);
  });

  it("opens requests again that are lost, and lets idle peers know", () => {
    const peer = seed(1);
    const picked = transfer.pick(peer, 1, 0);
    transfer.requestLost(peer, picked.piece(0), picked.block(0));
    expect(picker.requestsOf(1)).toBe(0);
    expect(log).toEqual(["reopened"]);
  });

  it("bans the only sender of a bad piece at once", () => {
    const peer = seed(1);
    receive(peer, 0, 0);
    receive(peer, 0, 1);
    transfer.pieceFailed(P0, digests("bad", "good"));
    expect(log.slice(3)).toEqual(["ban 10 0", "reopened"]);
    expect(transfer.totals.failed).toBe(2 * BLOCK_SIZE);
    expect(picker.isWanted(P0, B0) && picker.isWanted(P0, B1)).toBe(true);
  });

  it("suspects all senders of a bad piece, and knows the culprit when the piece passes", () => {
    const [one, two] = [seed(1), seed(2)];
    receive(one, 0, 0);
    receive(two, 0, 1);
    transfer.pieceFailed(P0, digests("bad", "good"));
    expect(log.slice(3)).toEqual(["suspect 10,20 0", "reopened"]);
    receive(two, 0, 0);
    receive(two, 0, 1);
    log.length = 0;
    transfer.pieceStored(P0, digests("true", "good"));
    expect(log).toEqual(["credit 20", "credit 20", "ban 10 0", "stored 0"]);
  });

  it("forgets what a banned sender did", () => {
    const [one, two] = [seed(1), seed(2)];
    receive(one, 0, 0);
    receive(two, 0, 1);
    transfer.pieceFailed(P0, digests("bad", "good"));
    transfer.forgetSender(10);
    receive(two, 0, 0);
    receive(two, 0, 1);
    log.length = 0;
    transfer.pieceStored(P0, digests("true", "good"));
    expect(log.join(" ")).not.toContain("ban");
  });

  it("charges downloads to the connection's limit", () => {
    const peer = seed(1);
    expect(transfer.payDownload(peer, 50_000, 0)).toBe(0);
    downloadLimit.limit = 16_384;
    let owed = 50_000;
    let now = 0;
    for (; owed > 0; now += 50) owed = transfer.payDownload(peer, owed, now);
    expect(now).toBeGreaterThan(2800);
    expect(now).toBeLessThan(3300);
  });

  it("has nothing to give while it is being checked, and drops what was found bad", () => {
    picker.stored(P0);
    expect(transfer.hasPiece(P0)).toBe(true);
    transfer.checking();
    expect(transfer.hasPiece(P0)).toBe(false);
    const good = metainfoHave();
    good.delete(0);
    transfer.checked(good);
    expect([0, 1, 2, 3].map((piece) => transfer.hasPiece(pieceIndex(piece)))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(log).toEqual(["discard 0"]);
  });
});

function metainfoHave() {
  const have = new PiecePicker({ geometry, rng: () => 0 }).have.clone();
  have.fill();
  return have;
}

function textOf(arg: unknown): string {
  return typeof arg === "object" && arg !== null && Symbol.iterator in arg
    ? [...(arg as Iterable<unknown>)].join(",")
    : String(arg);
}
