// What the HTTP client may ask for, and where a redirect may lead it.
import { NetError } from "./error.ts";

/** Parses an absolute http or https URL. @throws NetError `ERR_NET_INVALID_URL`. */
export function webUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new NetError("ERR_NET_INVALID_URL", `expected an http or https URL, got '${text}'`);
}

/** Refuses names and values that would start a header or request of their own. */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    // RFC 9110 §5.1 and §5.5: a token, and text without control characters.
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    throw new NetError(
      "ERR_NET_INVALID_HEADER",
      `header '${name}' holds a line break or another character that HTTP does not allow`,
    );
  }
}

/**
 * Where an answer leads, if it is a redirect.
 *
 * @throws NetError `ERR_NET_REDIRECT` if it leads to another scheme or from https to http.
 */
export function redirectTarget(
  from: URL,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): URL | undefined {
  const { location } = headers;
  if (typeof location !== "string" || !REDIRECTS.has(status)) return undefined;
  const to = URL.parse(location, from.href);
  if (to?.protocol === "https:" || (to?.protocol === "http:" && from.protocol === "http:")) {
    return to;
  }
  throw new NetError("ERR_NET_REDIRECT", `${from.href} redirects to '${location}', not followed`);
}

/** The custom headers that go along: all to the same origin, only `range` to another. */
export function redirectHeaders(
  from: URL,
  to: URL,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  if (from.origin === to.origin) return { ...headers };
  const { range } = headers;
  return range === undefined ? {} : { range };
}

/** User and password of the URL as RFC 7617 sends them. */
export function credentials({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const text = `${decoded(username)}:${decoded(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString("base64")}` };
}

/** What is no valid encoding is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same fields with names in lower case. */
export function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
}

/**
 * Seconds that a server wants to be left alone, of the field `retry-after` (RFC 9110 §10.2.3): a
 * number of seconds, or a date.
 *
 * @param now The wall clock, in ms since 1970.
 */
export function retryAfter(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field);
  // `Date.parse` takes much more than dates of HTTP.
  const date = /^[A-Z][a-z]{2,8}, /.test(field) ? Date.parse(field) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
