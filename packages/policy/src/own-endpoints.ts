// Where others reach us, as far as we know.
import { type Endpoint, endpointFamily, formatEndpoint, isLocal, peerPriority } from "@shoal/core";

/** Endpoints remembered at most: others tell us of them, and may lie. */
const MAX_ENDPOINTS = 16;

/** Our endpoints: never to be dialled, and the base of BEP 40 priorities. */
export class OwnEndpoints {
  readonly #keys = new Set<string>();
  /** The latest public endpoint of each family. */
  readonly #public = new Map<4 | 6, Endpoint>();

  add(endpoint: Endpoint): void {
    this.#keys.add(formatEndpoint(endpoint));
    if (!isLocal(endpoint.address)) this.#public.set(endpointFamily(endpoint), endpoint);
    for (const oldest of this.#keys) {
      if (this.#keys.size <= MAX_ENDPOINTS) return;
      this.#keys.delete(oldest);
    }
  }

  /** @param key As `formatEndpoint` writes it. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** BEP 40 priority of a peer; 0 while our address of its family is unknown. */
  priorityOf(peer: Endpoint): number {
    const own = this.#public.get(endpointFamily(peer));
    return own === undefined ? 0 : peerPriority(own, peer);
  }
}
