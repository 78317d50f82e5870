// Tells code from comments, strings and regular expressions in TypeScript, without a compiler.

/** A source text taken apart. Offsets count UTF-16 units, as in the source. */
export interface Lexed {
  /** As long as the source; all that is not code is spaces, except line ends and quotes. */
  readonly code: string;
  /** Offset of the opening quote → what the string says, escapes not resolved. */
  readonly strings: ReadonlyMap<number, string>;
}

/** After these words a slash begins a regular expression, not a division. */
const BEFORE_REGEX =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield)$/;

/** Takes a source text apart. Text that is not TypeScript gives nonsense, never an endless loop. */
export function lex(source: string): Lexed {
  const out = source.split("");
  const strings = new Map<number, string>();
  /** Open braces; `true` is one that ends a template's placeholder. */
  const braces: boolean[] = [];
  let at = 0;
  let lastCode = -1;

  const blank = (from: number, to: number): void => {
    for (let index = from; index < Math.min(to, out.length); index++) {
      if (out[index] !== "\n") out[index] = " ";
    }
  };
  const template = (from: number): number => {
    let end = from;
    while (end < source.length && source[end] !== "`") {
      if (source[end] === "\\") end++;
      else if (source.startsWith("${", end)) {
        blank(from, end);
        braces.push(true);
        return end + 2;
      }
      end++;
    }
    blank(from, end);
    return end + 1;
  };

  while (at < source.length) {
    const char = source[at] ?? "";
    const start = at;
    if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
      at = endOr(source.indexOf("\n", at), source.length);
      blank(start, at);
      continue;
    }
    if (source.startsWith("/*", at)) {
      at = endOr(source.indexOf("*/", at + 2), source.length) + 2;
      blank(start, at);
      continue;
    }
    if (char === '"' || char === "'") {
      at = closing(source, at + 1, char);
      strings.set(start, source.slice(start + 1, at));
      blank(start + 1, at);
      at++;
    } else if (char === "`") {
      at = template(at + 1);
    } else if (char === "/" && beginsRegex(source, out, lastCode)) {
      at = regexEnd(source, at + 1);
      blank(start + 1, at);
    } else if (char === "}" && braces.pop() === true) {
      at = template(at + 1);
    } else {
      if (char === "{") braces.push(false);
      at++;
    }
    if (!/\s/.test(char)) lastCode = at - 1;
  }
  return { code: out.join(""), strings };
}

/** The line of an offset, counted from 1. */
export function lineOf(source: string, offset: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at >= 0 && at < offset; at = source.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

/** The offset after the bracket that closes the one at `open`; strings must be blanked. */
export function afterClosing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    const char = code[at] ?? "";
    if ("([{".includes(char)) depth++;
    else if (")]}".includes(char) && --depth === 0) return at + 1;
  }
  return code.length;
}

function endOr(found: number, end: number): number {
  return found < 0 ? end : found;
}

function closing(source: string, from: number, quote: string): number {
  let at = from;
  while (at < source.length && source[at] !== quote && source[at] !== "\n") {
    at += source[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, source.length);
}

function beginsRegex(source: string, out: readonly string[], lastCode: number): boolean {
  if (lastCode < 0) return true;
  const last = source[lastCode] ?? "";
  if (/[\w$]/.test(last)) {
    return BEFORE_REGEX.test(out.slice(Math.max(0, lastCode - 12), lastCode + 1).join(""));
  }
  return !/[)\]}"'`]/.test(last);
}

function regexEnd(source: string, from: number): number {
  let at = from;
  let inClass = false;
  for (; at < source.length && source[at] !== "\n"; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) break;
  }
  while (/\w/.test(source[at + 1] ?? "")) at++; // The flags.
  return at + 1;
}
