// Counts the fields of the classes in a source file.
import { afterClosing, type Lexed, lineOf } from "./lexer.ts";

/** A class and how much state it declares. */
export interface ClassSize {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  /** Instance fields, private ones and arrow functions too; static ones are not state of an instance. */
  readonly fields: number;
}

const CLASS = /\bclass\s+([\w$]+)[^{;]*\{/g;
const MODIFIERS =
  /(?:\s|\b(?:public|private|protected|readonly|override|declare|abstract|accessor)\b(?=\s*[\w$#[]))*/y;
const STATIC = /static\b(?=\s*[\w$#[{])\s*/y;
const NAME = /(?:(?:async|get|set)\b(?=\s*[\w$#[*]))?\s*\*?\s*(?:[\w$#]+|["'] *["']|(?=\[))/y;

/** The classes of a file, in order. */
export function classesOf(source: string, { code }: Lexed): ClassSize[] {
  return [...code.matchAll(CLASS)].map((match) => ({
    name: match[1] ?? "",
    line: lineOf(source, match.index),
    fields: fieldsIn(code, match.index + match[0].length),
  }));
}

function fieldsIn(code: string, from: number): number {
  let fields = 0;
  let at = from;
  for (;;) {
    at = skip(MODIFIERS, code, at);
    const isStatic = skip(STATIC, code, at) > at;
    at = skip(MODIFIERS, code, skip(STATIC, code, at));
    const char = code[at];
    if (char === undefined || char === "}") return fields;
    if (char === ";") at++;
    else if (char === "{") at = afterClosing(code, at);
    else {
      const name = at;
      at = skip(NAME, code, at);
      if (code[at] === "[") at = afterClosing(code, at);
      at = skip(/\s*[?!]?\s*/y, code, at);
      if (code[at] === "(" || code[at] === "<") {
        at = afterMethod(code, at);
      } else {
        if (!isStatic) fields++;
        at = afterField(code, at);
      }
      if (at === name) at++; // Not a member that we know: look on behind it.
    }
  }
}

function afterField(code: string, from: number): number {
  let at = from;
  while (at < code.length && code[at] !== ";" && code[at] !== "}") {
    at = "([{".includes(code[at] ?? "") ? afterClosing(code, at) : at + 1;
  }
  return code[at] === ";" ? at + 1 : at;
}

/** Behind the body of a method, whose parameters and result may be typed by braces as well. */
function afterMethod(code: string, from: number): number {
  let at = from;
  while (at < code.length) {
    const char = code[at] ?? "";
    if (char === ";") return at + 1;
    if (char === "}") return at;
    if (char === "{") {
      at = afterClosing(code, at);
      if (code[at] !== "[" && !/^\s*[{|&>,)]/.test(code.slice(at, at + 200))) return at;
    } else {
      at = char === "(" || char === "[" ? afterClosing(code, at) : at + 1;
    }
  }
  return at;
}

/** The offset behind what the sticky pattern matches at `at`; `at` if it does not. */
function skip(pattern: RegExp, code: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(code)?.[0].length ?? 0);
}
