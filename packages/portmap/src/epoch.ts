// The clock that gateways show, which tells whether they have forgotten what they granted.

/** What a gateway's clock showed, and when. */
export interface Epoch {
  /** Seconds, as the gateway said. */
  readonly shown: number;
  /** When that came: ms of the host's clock. */
  readonly at: number;
}

/**
 * Whether the gateway has kept its state between two answers, by RFC 6887 §8.5: its clock neither
 * went back nor ran differently from ours by over 1/16, two seconds forgiven.
 */
export function keptState(before: Epoch, after: Epoch): boolean {
  const theirs = after.shown - before.shown;
  const ours = (after.at - before.at) / 1000;
  if (theirs < -1) return false;
  return ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
}
