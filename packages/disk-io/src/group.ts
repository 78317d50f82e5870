// How many blocks belong together.

/** Blocks in a group: 256 KiB, the size that hashes and writes fastest. */
export const GROUP = 16;
