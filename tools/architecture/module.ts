// What a source file imports and exports, read from its text.
import { type Lexed, lineOf } from "./lexer.ts";

/** One import, re-export, dynamic import, or file named by `new URL(…, import.meta.url)`. */
export interface Import {
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
  /** The names taken from the module; `*` for all of them. */
  readonly names: readonly string[];
}

/** A value that a file declares and exports. */
export interface Export {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
}

const FROM = /\b(?:import|export)\b([^"'`;()=]*?)\bfrom\s*(["'])/g;
const BARE = /\bimport\s*(["'])/g;
const DYNAMIC = /\bimport\s*\(\s*(["'])/g;
const URL_OF = /\bnew\s+URL\s*\(\s*(["'])\s*\1\s*,\s*import\.meta\.url\b/g;
const DECLARED =
  /\bexport\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|const|let)\s+([\w$]+)/g;

/** All imports of a file, in no order. */
export function importsOf(source: string, { code, strings }: Lexed): Import[] {
  const found: Import[] = [];
  const add = (match: RegExpExecArray, names: readonly string[], base = ""): void => {
    const quote = match.index + match[0].search(/["']/);
    const text = strings.get(quote);
    if (text === undefined) return;
    const specifier = text.startsWith(".") ? text : `${base}${text}`;
    found.push({ specifier, line: lineOf(source, quote), names });
  };
  for (const match of code.matchAll(FROM)) add(match, importedNames(match[1] ?? ""));
  for (const match of code.matchAll(BARE)) add(match, []);
  for (const match of code.matchAll(DYNAMIC)) add(match, ["*"]);
  for (const match of code.matchAll(URL_OF)) add(match, ["*"], "./");
  return found;
}

/** The values that a file declares and exports; types are left out, as they cost nothing. */
export function exportsOf(source: string, { code }: Lexed): Export[] {
  return [...code.matchAll(DECLARED)].map((match) => ({
    name: match[1] ?? "",
    line: lineOf(source, match.index),
  }));
}

/** The names of `type { a, type b as c }`, as the imported module calls them. */
function importedNames(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause)?.[1];
  if (braces === undefined) return ["*"];
  return braces
    .split(",")
    .map(
      (name) =>
        name
          .trim()
          .replace(/^type\s+/, "")
          .split(/\s+as\s+/)[0] ?? "",
    )
    .filter((name) => name !== "");
}
