// Makes the names that strangers chose safe to create as files.
import type { PathPlatform } from "./metainfo.ts";

/** Bytes of UTF-8 that file systems take for one name. */
const MAX_BYTES = 255;
/** What is kept of a longer name, besides its extension. */
const KEPT_BYTES = 240;
/** The dot and what follows it, at the end of a name. */
const MAX_EXTENSION = 10;

/**
 * Turns the elements of a path into ones that can be created below a folder and don't leave it.
 *
 * Bytes that are not UTF-8 and control characters become `_`; separators and characters that are
 * invisible or change the direction of writing are removed; elements of more than 255 bytes are cut
 * and keep their extension; `.` and `..` are left out; what is empty becomes `_`. For `windows`,
 * characters that it reserves become `_`, dots and spaces at an element's end are removed, and
 * names of devices get a `_` in front.
 *
 * @returns at least one element; none is empty, `.` or `..`.
 */
export function sanitizePath(
  elements: readonly (string | Uint8Array)[],
  platform: PathPlatform = "posix",
): string[] {
  const path: string[] = [];
  for (const element of elements) {
    const name = sanitizeName(element, platform);
    if (!isDots(name)) path.push(name === "" ? "_" : name);
  }
  return path.length === 0 ? ["_"] : path;
}

/** Applies the rules of {@link sanitizePath} to one element: the result may be empty, `.` or `..`. */
export function sanitizeName(element: string | Uint8Array, platform: PathPlatform): string {
  const bytes = typeof element === "string" ? encoder.encode(element) : element;
  const name = shorten(isPlain(bytes) ? String.fromCharCode(...bytes) : filter(bytes));
  return platform === "windows" ? fitWindows(name) : name;
}

export function isDots(name: string): boolean {
  return name === "." || name === "..";
}

/** Cuts a name to `limit` bytes of UTF-8, between characters. */
export function truncate(name: string, limit: number): string {
  let text = "";
  let length = 0;
  for (const character of name) {
    length += encoder.encode(character).length;
    if (length > limit) break;
    text += character;
  }
  return text;
}

/** Where the extension of a name begins, its dot included; the name's length if it has none. */
export function extensionStart(name: string): number {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= MAX_EXTENSION ? dot : name.length;
}

const encoder = new TextEncoder();

/** Whether every byte is a printable ASCII character but no separator, so that all is well. */
function isPlain(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_BYTES) return false;
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e || byte === SLASH || byte === BACKSLASH) return false;
  }
  return true;
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;

function filter(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const code = codePoint(bytes, at, length);
    at += length;
    if (code === undefined || isControl(code)) text += "_";
    else if (!isRemoved(code)) text += String.fromCodePoint(code);
  }
  return text;
}

/** How many bytes the first byte of a UTF-8 sequence announces; 1 for a byte that begins none. */
function sequenceLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 1;
}

/** The character at `at`; `undefined` if it is cut, overlong, a surrogate or beyond Unicode. */
function codePoint(bytes: Uint8Array, at: number, length: number): number | undefined {
  const first = bytes[at] ?? 0;
  if (length === 1) return first < 0x80 ? first : undefined;
  let code = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    if ((byte & 0xc0) !== 0x80) return undefined;
    code = (code << 6) | (byte & 0x3f);
  }
  const smallest = SMALLEST[length] ?? 0;
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code < smallest || code > 0x10ffff || isSurrogate ? undefined : code;
}

/** The smallest character of a UTF-8 sequence of that many bytes. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/** Separators, and what makes a name look like another one: invisible or bidirectional marks. */
function isRemoved(code: number): boolean {
  return (
    code === SLASH ||
    code === BACKSLASH ||
    code === 0x061c ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x2069) ||
    code === 0xfeff
  );
}

function shorten(name: string): string {
  // No character has fewer bytes than UTF-16 units or more than three for each.
  if (3 * name.length <= MAX_BYTES || encoder.encode(name).length <= MAX_BYTES) return name;
  const dot = extensionStart(name);
  const extension = name.slice(dot);
  const fits = encoder.encode(extension).length <= MAX_BYTES - KEPT_BYTES;
  return truncate(name.slice(0, dot), KEPT_BYTES) + (fits ? extension : "");
}

function fitWindows(name: string): string {
  if (isDots(name)) return name;
  const fitting = name.replace(/[<>:"|?*]/g, "_").replace(/[. ]+$/, "");
  return DEVICE.test(fitting) ? fitWindows(truncate(`_${fitting}`, MAX_BYTES)) : fitting;
}

/** Names that Windows takes for devices in any folder, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
