// Which names files may have: what a store demands of a layout, whoever made it.
import type { StoreFile } from "./contract.ts";

/** File systems take no longer name: bytes, on Windows UTF-16 units. */
const MAX_NAME = 255;

const WINDOWS_FORBIDDEN = /[<>:"/\\|?*]|[. ]$/;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;

/**
 * Checks the path of a file below a root.
 *
 * @throws Error with code `ERR_DISK_PATH` for a path that is empty or has an element that is empty, `.`
 *   or `..`, contains a separator or a character that the system reserves, names a device, or is too long.
 */
export function checkPath(
  elements: readonly string[],
  platform: NodeJS.Platform = process.platform,
): void {
  if (elements.length === 0) throw refused(elements, "it is empty");
  for (const element of elements) {
    const fault = platform === "win32" ? windowsFault(element) : posixFault(element);
    if (fault !== undefined) throw refused(elements, fault);
  }
}

/**
 * Checks all paths that a torrent's files would have, and that no two are the same.
 *
 * @throws Error with code `ERR_DISK_PATH`.
 */
export function checkPaths(files: readonly StoreFile[]): void {
  const seen = new Set<string>();
  for (const { path, symlink, pad } of files) {
    if (pad) continue;
    checkPath(path);
    if (symlink !== undefined) checkPath(symlink);
    const joined = path.join("/");
    if (seen.has(joined)) throw refused(path, "two files have it");
    seen.add(joined);
  }
}

function posixFault(element: string): string | undefined {
  if (element === "" || element === "." || element === "..") return "it leads outside";
  if (element.includes("/") || element.includes("\0")) return "a name has a '/' or NUL in it";
  return Buffer.byteLength(element) > MAX_NAME ? "a name is too long" : undefined;
}

function windowsFault(element: string): string | undefined {
  if (element === "" || element === "." || element === "..") return "it leads outside";
  const hasControls = Array.from(element).some((character) => character < " ");
  if (hasControls || WINDOWS_FORBIDDEN.test(element)) {
    return "a name has characters that Windows forbids";
  }
  if (WINDOWS_DEVICE.test(element)) return "a name means a device";
  return element.length > MAX_NAME ? "a name is too long" : undefined;
}

function refused(elements: readonly string[], why: string): Error {
  const path = elements.join("/");
  return Object.assign(new Error(`the path can't be used: ${why}`), {
    code: "ERR_DISK_PATH",
    path,
  });
}
