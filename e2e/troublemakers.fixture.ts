// Those who poison peer exchange and lie about metadata.
import { type Endpoint, endpoint } from "@shoal/core";
import { bareHost, endpointOf, PORT } from "./finding.fixture.ts";
import type { Scene } from "./finding-simulation.ts";
import { type Part, play } from "./played.fixture.ts";

/** Troublemakers have these addresses: see `endpointOf`. */
const FIRST = 100_000;
/** From here on nobody is at any address. */
const FIRST_DEAD = 200_000;

/** Whether one of the peers, honest or not, is at the address; else it is dead, local or nonsense. */
export function isDead(address: string): boolean {
  return DEAD.has(address);
}

const DEAD = new Set<string>();

/** Peers added in one message: as many as are read. */
const MAX_ADDED = 500;
/** Six messages a minute are tolerated. */
const PEX_MS = 10_500;

/** Addresses in our own networks, and such as nobody can have. */
export const FORBIDDEN: readonly string[] = [
  "127.0.0.1",
  "10.0.0.1",
  "192.168.1.1",
  "172.16.0.1",
  "169.254.1.1",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
];

/**
 * Dial every newcomer, and name hundreds of addresses in each message, where nobody answers; among
 * them the newcomer itself, and its own networks. They take back what they said, to say more.
 */
export function poisoners(number: number): (scene: Scene) => Promise<(to: Endpoint) => void> {
  return (scene) =>
    band(scene, number, () => {
      let next = 0;
      return {
        ready: (peer) => {
          let before: readonly Endpoint[] = [];
          peer.every(PEX_MS, () => {
            const forbidden = FORBIDDEN.map((address) => endpoint(address, PORT));
            const added = [peer.remote, { ...peer.remote, port: PORT }, ...forbidden];
            while (added.length < MAX_ADDED) {
              const dead = endpointOf(FIRST_DEAD + next++);
              DEAD.add(dead.address);
              added.push(dead);
            }
            peer.pex(added, before);
            before = added;
          });
        },
      };
    });
}

/** Ways to lie about an info dictionary of so many bytes. */
export const LIES: readonly ((size: number, index: number) => Part)[] = [
  // Another size, and wrong bytes for it.
  (size, index) => {
    const claimed = size + 1 + index;
    return { metadataSize: claimed, requested: (piece, peer) => forge(peer, piece, claimed) };
  },
  // Another size, and nothing.
  (size, index) => ({ metadataSize: size + 1000 + index }),
  // A size beyond all that exists.
  (_size, index) => ({ metadataSize: 30_000_000 + index }),
  // The right size, and wrong bytes.
  (size) => ({ metadataSize: size, requested: (piece, peer) => forge(peer, piece, size) }),
  // The right size, and nothing.
  (size) => ({ metadataSize: size }),
  // The right size, and a refusal.
  (size) => ({ metadataSize: size, requested: (piece, peer) => peer.reject(piece) }),
];

/** Dial every newcomer and lie, each in one of the {@link LIES}. */
export function liars(number: number): (scene: Scene) => Promise<(to: Endpoint) => void> {
  return (scene) => {
    const size = scene.torrent.metainfo.infoBytes.length;
    return band(scene, number, (index) => LIES[index % LIES.length]?.(size, index) ?? {});
  };
}

async function band(
  { sim, tap, torrent }: Scene,
  number: number,
  part: (index: number) => Part,
): Promise<(to: Endpoint) => void> {
  const attacks = await Promise.all(
    Array.from({ length: number }, (_, index) =>
      play(sim, tap, bareHost(sim, FIRST + index), torrent, part(index)),
    ),
  );
  return (victim) => {
    for (const attack of attacks) attack(victim);
  };
}

function forge(peer: Parameters<NonNullable<Part["ready"]>>[0], piece: number, size: number): void {
  const length = Math.min(16_384, size - piece * 16_384);
  if (length > 0) peer.data(piece, size, new Uint8Array(length).fill(0x61));
}
