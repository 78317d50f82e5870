// Torrents of a swarm, ready to use: those that have the info dictionary, and stand-ins that don't play fair.
import { createRng } from "@shoal/core";
import type { ExtensionPeer } from "@shoal/wire";
import { metadataExtension } from "../src/extension.ts";
import { encodeData, encodeRequest } from "../src/message.ts";
import { Node, type Script, Swarm, scripted } from "./swarm.ts";

export const SECOND = 1000;

/** A swarm around an info dictionary of that many random bytes, with one that has it and one that has not. */
export function setup(size: number, seed = 1): { swarm: Swarm; seed: Node; leech: Node } {
  const rng = createRng(seed);
  const truth = Uint8Array.from({ length: size }, () => Math.floor(rng() * 256));
  const swarm = new Swarm(truth, rng);
  return { swarm, seed: seedOf(swarm), leech: new Node(swarm, metadataExtension()) };
}

/** One that has it. */
export function seedOf(swarm: Swarm): Node {
  return new Node(swarm, metadataExtension(), { metadata: swarm.truth });
}

/** A stand-in. */
export function scriptedNode(swarm: Swarm, script: Script, address = "127.0.0.2"): Node {
  return new Node(swarm, scripted(script), { address });
}

/** Another client that has it. @param given where it notes what it was asked for. */
export function honest(swarm: Swarm, given: Set<number> = new Set()): Script {
  return {
    size: swarm.truth.length,
    message: ({ type, piece }, peer) => {
      if (type !== "request") return;
      given.add(piece);
      peer.send(encodeData(piece, swarm.truth));
    },
  };
}

/** Sends pieces of the right lengths with wrong bytes. */
export function liar(size: number): Script {
  const forged = new Uint8Array(size).fill(7);
  return {
    size,
    message: ({ type, piece }, peer) => {
      if (type === "request") peer.send(encodeData(piece, forged));
    },
  };
}

/** Asks for pieces and notes the answers. */
export function asker(
  swarm: Swarm,
  pieces: readonly number[],
): { answers: string[]; node: Node; ask: (piece: number) => void } {
  const answers: string[] = [];
  const peers: ExtensionPeer[] = [];
  const node = scriptedNode(swarm, {
    begin: (peer) => {
      peers.push(peer);
      for (const piece of pieces) peer.send(encodeRequest(piece));
    },
    message: ({ type, piece }) => answers.push(`${type} ${piece}`),
  });
  return { answers, node, ask: (piece) => peers[0]?.send(encodeRequest(piece)) };
}
