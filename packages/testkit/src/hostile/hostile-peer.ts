// What a hostile peer is, and what it knows of those whom it plagues.
import type { Clock, Deadlines, Duplex, PieceGeometry, Rng } from "@shoal/core";
import { type PeerScript, ScriptedPeer } from "../scripted-peer.ts";

/** The torrent under attack. */
export interface HostileTarget {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly geometry: PieceGeometry;
  /** The torrent's true bytes, for peers that first win trust. */
  readonly content: (piece: number, begin: number, length: number) => Uint8Array;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly rng: Rng;
}

/** A peer that breaks rules. */
export interface HostilePeer {
  /** Says what it does. */
  readonly name: string;
  /**
   * Plays it on a fresh stream, dialled or accepted.
   *
   * @returns a promise that resolves when the stream is over.
   */
  run(duplex: Duplex, target: HostileTarget): Promise<void>;
}

/** What a script is written with. */
export interface Attack extends HostileTarget {
  readonly duplex: Duplex;
  readonly peer: ScriptedPeer;
}

/** What a hostile peer does of its own accord, and how it reacts. */
export interface Plan {
  readonly begin?: (attack: Attack) => void;
  readonly script?: (attack: Attack) => PeerScript;
}

/** A peer that follows the plan from its first byte on. */
export function stranger(name: string, { begin, script }: Plan): HostilePeer {
  return {
    name,
    run: (duplex, target) => {
      // The script's methods run later, when the attack is complete.
      const attack = { ...target, duplex } as { -readonly [Key in keyof Attack]: Attack[Key] };
      attack.peer = new ScriptedPeer(duplex, script?.(attack) ?? {});
      begin?.(attack);
      return attack.peer.closed;
    },
  };
}

/** A peer that shakes hands properly and then follows the plan. */
export function hostile(name: string, { begin, script }: Plan): HostilePeer {
  return stranger(name, {
    begin: (attack) => {
      attack.peer.handshake(attack.infoHash, peerId(attack.rng));
      begin?.(attack);
    },
    ...(script === undefined ? {} : { script }),
  });
}

/** A client name of its own, random enough not to meet itself. */
export function peerId(rng: Rng): Uint8Array {
  const id = noise(rng, 20);
  id.set(Buffer.from("-XX0000-"));
  return id;
}

/** Random bytes. */
export function noise(rng: Rng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(rng() * 256));
}

/** A message with any id and body, its length prefix as told or as it should be. */
export function message(
  id: number,
  body: Uint8Array,
  length: number = body.length + 1,
): Uint8Array {
  const bytes = new Uint8Array(body.length + 5);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[4] = id;
  bytes.set(body, 5);
  return bytes;
}

/** Big-endian 32-bit numbers in a row. */
export function numbers(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}
