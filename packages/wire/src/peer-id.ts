// The 20 bytes that name a peer, and what they tell of its client (BEP 20).
import type { Entropy } from "@shoal/core";

/**
 * A new peer id.
 *
 * @param prefix Client and version in Azureus style, such as `-SH0100-`; at most 20 ASCII characters.
 * @param entropy Fills the rest, as characters that URLs need not escape.
 * @throws RangeError for other prefixes.
 */
export function makePeerId(prefix: string, entropy: Entropy): Uint8Array {
  if (!/^[\x20-\x7e]{0,20}$/.test(prefix)) {
    throw new RangeError(`expected at most 20 printable ASCII characters, got '${prefix}'`);
  }
  const id = new Uint8Array(20);
  for (let i = 0; i < prefix.length; i++) id[i] = prefix.charCodeAt(i);
  const random = entropy(20 - prefix.length);
  for (const [i, byte] of random.entries()) {
    id[prefix.length + i] = ALPHABET.charCodeAt(byte % ALPHABET.length);
  }
  return id;
}

/**
 * The client that a peer id claims, such as `qBittorrent 4.6.5`; `unknown` if the id follows no
 * style that we know. What the extended handshake says (`v`) is more exact.
 */
export function identifyClient(peerId: Uint8Array): string {
  const text = Array.from(peerId, (byte) => String.fromCharCode(byte)).join("");
  return (
    azureusStyle(text) ?? dottedStyle(text) ?? mainlineStyle(text) ?? shadowStyle(text) ?? "unknown"
  );
}

/** 64 of the characters that RFC 3986 leaves unreserved, so that every byte is equally likely. */
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.";

/** `-LT20B0-`: two letters and four digits, where letters go on after 9. */
function azureusStyle(text: string): string | undefined {
  const match = /^-([A-Za-z~]{2})([0-9A-Za-z]{4})/.exec(text);
  if (match === null) return undefined;
  const [, code = "", version = ""] = match;
  const parts = Array.from(version, digitValue);
  if (parts.at(-1) === 0) parts.pop();
  return `${AZUREUS[code] ?? code} ${parts.join(".")}`;
}

/** `-ML2.7.2-`. */
function dottedStyle(text: string): string | undefined {
  const match = /^-ML([0-9.]+)-/.exec(text);
  return match === null ? undefined : `MLdonkey ${match[1]}`;
}

/** `M7-4-3--` of the first client, and `Q1-10-0-`. */
function mainlineStyle(text: string): string | undefined {
  const match = /^([MQ])(\d+)-(\d+)-(\d+)-/.exec(text);
  if (match === null) return undefined;
  const [, letter, ...parts] = match;
  return `${letter === "M" ? "Mainline" : "Queen Bee"} ${parts.join(".")}`;
}

/** `T03I-----`: a letter and up to five digits, filled up with dashes. */
function shadowStyle(text: string): string | undefined {
  const match = /^([A-Z])([0-9A-Za-z.]{1,5})-*---/.exec(text);
  const client = SHADOW[match?.[1] ?? ""];
  if (match === null || client === undefined) return undefined;
  return `${client} ${Array.from(match[2] ?? "", digitValue).join(".")}`;
}

/** 0–9, then A–Z as 10–35, a–z as 36–61, and `.` as 62. */
function digitValue(character: string): number {
  return DIGITS.indexOf(character);
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.";

/** Clients by their two letters: those that are met today, and the classics. */
const AZUREUS: Readonly<Record<string, string>> = {
  AG: "Ares",
  "A~": "Ares",
  AX: "BitPump",
  AZ: "Vuze",
  BC: "BitComet",
  BI: "BiglyBT",
  BT: "BitTorrent",
  CT: "CTorrent",
  DE: "Deluge",
  FD: "Free Download Manager",
  FL: "Flud",
  FW: "FrostWire",
  KG: "KGet",
  KT: "KTorrent",
  LP: "Lphant",
  LT: "libtorrent",
  LW: "LimeWire",
  lt: "rTorrent",
  MO: "MonoTorrent",
  PI: "PicoTorrent",
  qB: "qBittorrent",
  QD: "QQDownload",
  SD: "Thunder",
  SH: "Shoal",
  SZ: "Shareaza",
  TL: "Tribler",
  TR: "Transmission",
  TX: "Tixati",
  UM: "µTorrent Mac",
  UT: "µTorrent",
  UW: "µTorrent Web",
  WD: "WebTorrent Desktop",
  WW: "WebTorrent",
  XF: "Xfplay",
  XL: "Xunlei",
};

/** Clients by the letter of the older style. */
const SHADOW: Readonly<Record<string, string>> = {
  A: "ABC",
  O: "Osprey Permaseed",
  Q: "BTQueue",
  R: "Tribler",
  S: "Shadow",
  T: "BitTornado",
  U: "UPnP NAT Bit Torrent",
};
