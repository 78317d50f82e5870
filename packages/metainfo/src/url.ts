// Which URLs of a torrent are used.

/**
 * A tracker's URL, trimmed; `undefined` unless it is a well-formed http, https, udp, ws or wss URL.
 */
export function trackerUrl(text: string): string | undefined {
  const url = text.trim();
  return isUrl(url, /^(?:https?|udp|wss?):\/\/[^\s/?#]/i) ? url : undefined;
}

/**
 * A web seed's URL, trimmed, with spaces and what is not ASCII percent-encoded; `undefined` unless
 * it is then a well-formed http or https URL.
 */
export function webSeedUrl(text: string): string | undefined {
  const url = text.trim().replace(/[^\x21-\x7e]/gu, percentEncode);
  return isUrl(url, /^https?:\/\/[^\s/?#]/i) ? url : undefined;
}

/** Percent-encodes everything but letters, digits and `-_.!~*'()`; lone surrogates as U+FFFD. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Only printable ASCII or characters beyond it, so that no line of a request can be forged. */
function isUrl(url: string, scheme: RegExp): boolean {
  return scheme.test(url) && !hasControl(url) && URL.canParse(url);
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x20 || unit === 0x7f) return true;
  }
  return false;
}
