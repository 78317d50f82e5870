// A set of addresses as sorted ranges in typed arrays: a million of them are small and quick to search.
import { parseIp } from "@shoal/core";
import { type IpTables, IpTablesBuilder, NOT_V4, V6_WORDS, v4Number } from "./ip-tables.ts";

/** Addresses from `first` to `last`, both included, as text of one family. */
export interface IpRange {
  readonly first: string;
  readonly last: string;
}

/** Blocks ranges of addresses. It takes 8 bytes per IPv4 range and 32 per IPv6 range. */
export class IpFilter {
  readonly #tables: IpTables;
  /** The words of the IPv6 address that is looked up. */
  readonly #wanted: Uint32Array = new Uint32Array(V6_WORDS);

  /**
   * @param tables What an {@link IpTablesBuilder} gave.
   * @internal
   */
  constructor(tables: IpTables) {
    this.#tables = tables;
  }

  /**
   * A filter of these ranges, which may overlap and come in any order.
   *
   * @throws RangeError naming a range whose ends are no addresses, differ in family, or are swapped.
   */
  static of(ranges: Iterable<IpRange>): IpFilter {
    const builder = new IpTablesBuilder();
    for (const { first, last } of ranges) {
      const [low, high] = [parseIp(first), parseIp(last)];
      if (low === undefined || high === undefined || !builder.add(low, high)) {
        throw new RangeError(`expected a range of IP addresses, got ${first} to ${last}`);
      }
    }
    return new IpFilter(builder.build());
  }

  /** How many ranges there are, after those that overlap or touch were joined. */
  get size(): number {
    const { v4Starts, v6Starts } = this.#tables;
    return v4Starts.length + v6Starts.length / V6_WORDS;
  }

  /** Memory of the tables, in bytes. */
  get byteLength(): number {
    return Object.values(this.#tables).reduce((sum, table) => sum + table.byteLength, 0);
  }

  /**
   * Whether an address is in one of the ranges. IPv4-mapped IPv6 addresses count as IPv4; zones do not
   * matter.
   *
   * @param address IP text; anything else is not blocked.
   */
  blocks(address: string): boolean {
    const number = v4Number(address, 0, address.length);
    if (number !== NOT_V4) return this.#blocksV4(number);
    const bytes = parseIp(address);
    if (bytes === undefined || bytes.length !== 16) return false;
    const words = this.#wanted;
    for (let i = 0; i < V6_WORDS; i++) words[i] = wordAt(bytes, 4 * i);
    const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    return isMapped ? this.#blocksV4(words[3] ?? 0) : this.#blocksV6();
  }

  #blocksV4(address: number): boolean {
    const { v4Starts, v4Ends } = this.#tables;
    let low = 0;
    let high = v4Starts.length;
    // All before `low` start at or before the address, all from `high` on after it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((v4Starts[middle] ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (v4Ends[low - 1] ?? 0) >= address;
  }

  #blocksV6(): boolean {
    const { v6Starts, v6Ends } = this.#tables;
    let low = 0;
    let high = v6Starts.length / V6_WORDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareV6(v6Starts, middle) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#compareV6(v6Ends, low - 1) >= 0;
  }

  /** Below 0 if the entry is before the address that is looked up, above 0 if after it. */
  #compareV6(table: Uint32Array, index: number): number {
    for (let i = 0; i < V6_WORDS; i++) {
      const difference = (table[V6_WORDS * index + i] ?? 0) - (this.#wanted[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
