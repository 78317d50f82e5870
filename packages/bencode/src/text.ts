// UTF-8, with a fast way for the short ASCII strings that most keys and names are.

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
/** Up to here joining characters is faster than a call into the text decoder. */
const SHORT = 24;

/** Reads UTF-8; each malformed sequence becomes U+FFFD, a byte-order mark stays. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return decoder.decode(bytes);
  let text = "";
  for (const byte of bytes) {
    if (byte >= 0x80) return decoder.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** The UTF-8 bytes of a text; lone surrogates become U+FFFD. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Whether the text is its own UTF-8 form, a byte for each character. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
