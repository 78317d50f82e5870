// What one peer has been told, and what it is to be told next.
import { type Endpoint, peerPriority } from "@shoal/core";
import type { PexMessage } from "./message.ts";
import { isMeantFor } from "./reach.ts";
import type { Member } from "./roster.ts";

/** Peers added, and peers dropped, in one message at most (BEP 11). */
const MAX_LISTED = 50;

/**
 * The picture of our connections that the other side has from our messages. It holds no more than
 * were connected at once, plus those whose dropping is still to be told.
 */
export class Told {
  readonly #told = new Map<string, Endpoint>();

  /**
   * The next message that brings the picture closer to the truth; it counts as sent. Peers that came
   * and went in between are not mentioned. If there are too many, those come first with which the
   * other side has the best chance (BEP 40), and the rest later.
   *
   * @param listener Whom to tell: its connection's id, and where it listens as far as we know.
   * @param members The connected peers by `formatEndpoint`.
   * @returns `undefined` if there is nothing to tell.
   */
  next(
    listener: { readonly id: number; readonly endpoint: Endpoint },
    members: ReadonlyMap<string, Member>,
  ): PexMessage | undefined {
    const dropped = [...this.#told].filter(([key]) => !members.has(key)).slice(0, MAX_LISTED);
    const added = this.#news(listener, members);
    for (const [key] of dropped) this.#told.delete(key);
    for (const member of added) this.#told.set(member.key, member);
    if (added.length + dropped.length === 0) return undefined;
    return { added, dropped: dropped.map(([, endpoint]) => endpoint) };
  }

  #news(
    { id, endpoint }: { readonly id: number; readonly endpoint: Endpoint },
    members: ReadonlyMap<string, Member>,
  ): Member[] {
    const news: Member[] = [];
    for (const [key, member] of members) {
      if (this.#told.has(key) || member.id === id) continue;
      if (isMeantFor(endpoint.address, member)) news.push(member);
    }
    if (news.length <= MAX_LISTED) return news;
    return news
      .map((member) => ({ member, priority: peerPriority(endpoint, member) }))
      .sort((a, b) => b.priority - a.priority)
      .slice(0, MAX_LISTED)
      .map(({ member }) => member);
  }
}
