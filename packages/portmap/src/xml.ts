// A reader for the small XML of UPnP: what opens, what closes, and text; in one pass, without recursion.

/** A piece of a document; names come without their namespace's prefix. */
export interface XmlToken {
  readonly kind: "open" | "close" | "text";
  /** The element's name, or text with its entities resolved. */
  readonly value: string;
}

/**
 * The pieces of a document in order. Attributes, comments, declarations and the like are left out,
 * and no entity but those of XML itself is resolved. What is broken ends the reading; nothing throws.
 */
export function* xmlTokens(document: string): Generator<XmlToken> {
  let at = 0;
  while (at < document.length) {
    const open = document.indexOf("<", at);
    const text = document.slice(at, open < 0 ? undefined : open);
    if (text.trim() !== "") yield { kind: "text", value: resolveEntities(text) };
    if (open < 0) return;
    const [start, end] = SPANS.find(([begin]) => document.startsWith(begin, open)) ?? ["<", ">"];
    const close = document.indexOf(end, open + start.length);
    if (close < 0) return;
    const inside = document.slice(open + start.length, close);
    at = close + end.length;
    if (start === CDATA) yield { kind: "text", value: inside };
    else if (start === "<") yield* tagTokens(inside);
  }
}

/** The text of the first element of that name; undefined if there is none. */
export function elementText(document: string, name: string): string | undefined {
  let found: string | undefined;
  for (const { kind, value } of xmlTokens(document)) {
    if (kind === "open" && value === name) found = "";
    else if (kind === "close" && value === name) return found?.trim();
    else if (kind === "text" && found !== undefined) found += value;
  }
  return undefined;
}

const CDATA = "<![CDATA[";

/** What is no tag, and how it ends. */
const SPANS: readonly (readonly [start: string, end: string])[] = [
  ["<!--", "-->"],
  [CDATA, "]]>"],
  ["<?", "?>"],
  ["<!", ">"],
];

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function* tagTokens(tag: string): Generator<XmlToken> {
  const name = /^\/?\s*(?:[^\s/:]*:)?([^\s/:]+)/.exec(tag)?.[1];
  if (name === undefined) return;
  if (tag.startsWith("/")) yield { kind: "close", value: name };
  else {
    yield { kind: "open", value: name };
    if (tag.endsWith("/")) yield { kind: "close", value: name };
  }
}

function resolveEntities(text: string): string {
  return text.replace(/&(#x?)?([0-9a-z]{1,8});/gi, (whole, mark: string | undefined, name) => {
    if (mark === undefined) return ENTITIES.get(name) ?? whole;
    const code = Number.parseInt(name, mark === "#" ? 10 : 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
