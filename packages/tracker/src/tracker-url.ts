// An announce URL, checked: torrents come from strangers and name hosts that we then talk to.
import { ipFamily, parseIp } from "@shoal/core";
import { printable, TrackerError } from "./error.ts";

/** An announce URL that may be asked. */
export interface TrackerUrl {
  readonly scheme: "http" | "https" | "udp";
  /** A host name or IP address, without brackets. */
  readonly host: string;
  /** 1–65535; 80 for `http` and `udp`, 443 for `https` if the URL names none. */
  readonly port: number;
  /** Path and query, percent-encoded: `/announce?passkey=1`. */
  readonly path: string;
  /** The whole URL in normal form, without a fragment. */
  readonly href: string;
  /**
   * Scheme, host and port: what messages call the tracker. Path and query stay out of messages,
   * because private trackers know their users by them.
   */
  readonly name: string;
}

/**
 * Parses an announce URL. Refused are, besides what is no URL, those that libtorrent refuses so that
 * a torrent can't make its reader call other services: schemes but http, https and udp; a query
 * that fills in the announce's own parameters; on the host itself, an HTTP path that does not begin
 * with `/announce`.
 *
 * @throws TrackerError `ERR_TRACKER_URL`
 */
export function parseTrackerUrl(text: string): TrackerUrl {
  const scheme = /^(https?|udp):\/\//i.exec(text.trim())?.[1]?.toLowerCase();
  if (scheme !== "http" && scheme !== "https" && scheme !== "udp") {
    throw refused(`expected a URL of http, https or udp, got '${origin(text)}'`);
  }
  // The URL standard normalises hosts of the schemes it knows only, so udp is parsed as http.
  const url = URL.parse(text.trim().replace(/^udp:/i, "http:"));
  const host = url?.hostname.replace(/^\[|\]$/g, "");
  if (!url || !host) throw refused(`expected a URL with a host, got '${origin(text)}'`);
  if (url.port === "0") throw refused(`expected a port of 1–65535, got 0 in '${origin(text)}'`);

  const own = [...url.searchParams.keys()].find((name) => OWN_PARAMETERS.has(name));
  if (own !== undefined) {
    throw refused(`expected a query without '${own}', which the announce itself sets`);
  }
  if (scheme !== "udp" && isLoopback(host) && !url.pathname.startsWith("/announce")) {
    throw refused("expected a path that begins with '/announce' for a tracker on this host");
  }
  url.hash = "";
  return {
    scheme,
    host,
    port: Number(url.port) || (scheme === "https" ? 443 : 80),
    path: url.pathname + url.search,
    href: scheme === "udp" ? url.href.replace(/^http:/, "udp:") : url.href,
    name: `${scheme}://${url.host}`,
  };
}

/** Query parameters that a torrent may not choose for us (libtorrent's list). */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  "info_hash",
  "event",
  "port",
  "left",
  "key",
  "uploaded",
  "downloaded",
  "corrupt",
  "peer_id",
]);

function isLoopback(host: string): boolean {
  if (ipFamily(host) === undefined) return /(^|\.)localhost\.?$/.test(host);
  const bytes = parseIp(host) ?? new Uint8Array(4);
  const mapped =
    bytes.length === 16 && bytes[10] === 0xff && bytes.subarray(0, 10).every((b) => b === 0);
  const quad = mapped ? bytes.subarray(12) : bytes;
  if (quad.length === 4) return quad[0] === 127 || quad[0] === 0;
  // `::` reaches the host itself too, as 0.0.0.0 does.
  return quad.subarray(0, 15).every((byte) => byte === 0) && (quad[15] ?? 0) <= 1;
}

/** The part of a bad URL that is fit for a message: no path, which may hold a passkey. */
function origin(text: string): string {
  return printable(/^[^/?#]*(?:\/\/[^/?#]*)?/.exec(text.trim())?.[0] ?? "");
}

function refused(message: string): TrackerError {
  return new TrackerError("ERR_TRACKER_URL", message);
}
