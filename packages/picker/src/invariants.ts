// Recounts everything that a picker keeps twice; for tests.
import { PickerError } from "./error.ts";
import { BUSY, HASHING, NO_SLOT, OPEN, RECEIVED, REQUESTED } from "./partials.ts";
import { MAX_PRIORITY } from "./piece-order.ts";
import { isActive, type MaybeActive, type PickerState } from "./state.ts";

/** @throws PickerError `ERR_PICKER_INVARIANT` naming the first thing that is wrong. */
export function checkState(state: MaybeActive): void {
  checkWanted(state);
  if (!isActive(state)) return;
  const isNeeded = state.roster.size > 0 || state.partials.size > 0;
  expect(isNeeded, "there are neither peers nor pieces in progress, and yet it is not at rest");
  checkAvailability(state);
  checkPieces(state);
  checkOrder(state);
  checkBlocks(state);
}

/** Wanted is what has a priority and is not stored. */
function checkWanted({ geometry, have, wanted, priority }: MaybeActive): void {
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const isWanted = !have.has(piece) && priority?.[piece] !== 0;
    expect(wanted.has(piece) === isWanted, `piece ${piece} is wanted: ${isWanted}`);
  }
}

/** Availability is what the peers' sets say. */
function checkAvailability({ geometry, order, roster }: PickerState): void {
  const records = [...roster];
  const seeds = records.filter((record) => record.asSeed).length;
  expect(order.seeds === seeds, `${seeds} peers are counted as seeds, not ${order.seeds}`);
  expect(roster.size === records.length, `${records.length} peers are known, not ${roster.size}`);
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const count = records.filter((r) => !r.asSeed && r.peer.have.has(piece)).length;
    const counted = order.availability[piece];
    expect(count === counted, `piece ${piece} is at ${count} peers, not ${counted}`);
  }
}

/** Every piece is exactly one of stored, unwanted, unopened and in progress. */
function checkPieces({ geometry, have, order, partials }: PickerState): void {
  let inProgress = 0;
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const slot = partials.slotOf(piece);
    const isWanted = !have.has(piece) && order.priority[piece] !== 0;
    if (slot !== NO_SLOT) inProgress++;
    expect(slot === NO_SLOT || !have.has(piece), `stored piece ${piece} is in progress`);
    expect(
      order.isListed(piece) === (isWanted && slot === NO_SLOT),
      `piece ${piece} in slot ${slot}, wanted ${isWanted}, is listed ${order.isListed(piece)}`,
    );
  }
  expect(partials.size === inProgress, `${inProgress} pieces in progress, not ${partials.size}`);
}

/** Each level holds the listed pieces of its priority once, rarest first, with right boundaries. */
function checkOrder({ order }: PickerState): void {
  for (let priority = 0; priority <= MAX_PRIORITY; priority++) {
    const level = order.level(priority);
    expect(order.set(priority).count === level.size, `level ${priority} has ${level.size} pieces`);
    let previous = -1;
    for (let position = 0; position < level.size; position++) {
      const piece = level.at(position);
      const availability = order.availability[piece] as number;
      expect(order.set(priority).has(piece), `piece ${piece} is ordered but not listed`);
      expect(order.priority[piece] === priority, `piece ${piece} is in level ${priority}`);
      expect(order.position(piece) === position, `piece ${piece} is not at ${position}`);
      expect(availability >= previous, `piece ${piece} is after a commoner one`);
      for (let a = previous + 1; a <= availability; a++) {
        expect(level.startOf(a) === position, `availability ${a} begins at ${level.startOf(a)}`);
      }
      previous = availability;
    }
    expect(level.startOf(previous + 1) === level.size, "the last boundary is not the size");
  }
}

/** Every block is in one state that its requesters and its piece's counts agree with. */
function checkBlocks({ partials, order, roster }: PickerState): void {
  const requests = new Map<number, number>();
  for (const slot of partials.all()) {
    const piece = partials.pieceOf(slot);
    const counts = [0, 0, 0];
    for (let block = 0; block < partials.blocks(slot); block++) {
      const name = `block ${block} of piece ${piece}`;
      const state = partials.state(slot, block);
      counts[state] = (counts[state] ?? 0) + 1;
      const ids: number[] = [];
      partials.requesters.visit(partials.cell(slot, block), (id) => ids.push(id));
      for (const id of ids) requests.set(id, (requests.get(id) ?? 0) + 1);
      expect(new Set(ids).size === ids.length, `${name} is asked twice of one peer`);
      expect(state !== OPEN || ids.length === 0, `${name} is open and requested`);
      expect(state !== REQUESTED || ids.length > 0, `${name} is requested of nobody`);
    }
    expect(partials.slotOf(piece) === slot, `piece ${piece} is in two slots`);
    expect(partials.open(slot) === counts[OPEN], `piece ${piece}: wrong count of open blocks`);
    expect(partials.received(slot) === counts[RECEIVED], `piece ${piece}: wrong received count`);
    expect(counts[OPEN] !== partials.blocks(slot), `piece ${piece} is in progress without cause`);
    const list = counts[OPEN] ? order.priority[piece] : counts[REQUESTED] ? BUSY : HASHING;
    expect(partials.lists.listOf(slot) === list, `piece ${piece} is not in list ${list}`);
    const sole = partials.sole(slot);
    expect(!partials.isReserved(slot) || roster.get(sole), `piece ${piece} is kept for nobody`);
  }
  for (const { peer, requests: counted } of roster) {
    const count = requests.get(peer.id) ?? 0;
    expect(count === counted, `peer ${peer.id} was asked for ${count} blocks, not ${counted}`);
    requests.delete(peer.id);
  }
  expect(
    requests.size === 0,
    `blocks are requested of unknown peers ${[...requests.keys()].join()}`,
  );
}

function expect(holds: unknown, otherwise: string): void {
  if (!holds) throw new PickerError("ERR_PICKER_INVARIANT", `picker state is broken: ${otherwise}`);
}
