// The account of the slab.

/** Numbers of slots by use. */
export interface Occupancy {
  readonly dirty: number;
  readonly clean: number;
  readonly pinned: number;
  readonly arriving: number;
  readonly reading: number;
  readonly free: number;
}
