// What a blocklist of a million ranges costs: to read, to keep, and to look addresses up in.
import { createRng, formatIp } from "@shoal/core";
import { IpFilter, type IpRange, parseBlocklist } from "@shoal/policy";

const RANGES = 1_000_000;
const V6_RANGES = 100_000;
const LOOKUPS = 2_000_000;

const rng = createRng(1);
const octet = (): number => Math.floor(rng() * 256);
const quad = (): string => `${1 + Math.floor(rng() * 223)}.${octet()}.${octet()}.${octet()}`;
const v6 = (): string =>
  formatIp(Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0x20 : octet())));

/** As PeerGuardian writes them: every second of 2,000,000 equal parts of the address space. */
function p2pList(): Uint8Array {
  const step = 2 ** 32 / RANGES;
  const text = (number: number): string =>
    [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
  const lines = Array.from({ length: RANGES }, (_, i) => {
    const start = Math.floor(i * step);
    return `Organisation ${i}:${text(start)}-${text(start + (step >> 1))}`;
  });
  return new TextEncoder().encode(lines.join("\n"));
}

/** Every second of 200,000 equal parts of 2000::/8. */
function v6Ranges(): IpRange[] {
  const step = 2 ** 32 / V6_RANGES;
  const text = (number: number): string => {
    const bytes = new Uint8Array(16).fill(0x20, 0, 1);
    new DataView(bytes.buffer).setUint32(1, number);
    return formatIp(bytes);
  };
  return Array.from({ length: V6_RANGES }, (_, i) => ({
    first: text(i * step),
    last: text((i + 0.5) * step),
  }));
}

function lookUp(name: string, filter: IpFilter, addresses: readonly string[]): void {
  let blocked = 0;
  const before = process.threadCpuUsage().user;
  for (let i = 0; i < LOOKUPS; i++) {
    if (filter.blocks(addresses[i % addresses.length] ?? "")) blocked++;
  }
  const ns = ((process.threadCpuUsage().user - before) * 1000) / LOOKUPS;
  const share = ((100 * blocked) / LOOKUPS).toFixed(0);
  console.log(`${name}: ${ns.toFixed(0)} ns per lookup, ${share} % blocked`);
}

const list = p2pList();
const before = performance.now();
const { filter, ranges, faults } = parseBlocklist(list);
const ms = performance.now() - before;
const size = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `${ranges} ranges of ${size(list.length)} read in ${ms.toFixed(0)} ms, ${faults.count} faults`,
);
console.log(`${filter.size} ranges kept in ${size(filter.byteLength)}`);
lookUp("IPv4", filter, Array.from({ length: 100_003 }, quad));
const six = IpFilter.of(v6Ranges());
console.log(`${six.size} IPv6 ranges kept in ${size(six.byteLength)}`);
lookUp("IPv6", six, Array.from({ length: 100_003 }, v6));
