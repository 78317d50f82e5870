import { expect, it } from "vitest";
import { classesOf } from "./classes.ts";
import { lex } from "./lexer.ts";

function fields(body: string): number | undefined {
  const source = `export class A<T> extends B implements C {\n${body}\n}`;
  return classesOf(source, lex(source))[0]?.fields;
}

it.for([
  ["", 0],
  ["a = 1;\n#b;\nc!: string;\nd?: number;\n'e' = 1;", 5],
  ["readonly a: { b: number; c: string } = { b: 1, c: '}' };", 1],
  ["private readonly get = 1;\nset: number;\nstatic: boolean;", 3],
  ["on = (a: { b: 1 }): void => {\n  this.b = 1;\n};\nd = 1", 2],
  ["declare readonly a: Map<string, () => void>;\noverride b = 1;", 2],
  ["static a = 1;\nstatic readonly b = new Set();\nstatic { this.c = 1; }", 0],
  ["constructor(a: number) {\n  this.a = 1; super(a);\n}", 0],
  ["get a(): number { return 1; }\nset a(value) {}\nasync b() {}\n*c() {}\nasync *d() {}", 0],
  [
    "a(): { b: number } | undefined {\n  return this.c;\n}\nd(): Map<{ e: 1 }, 2> {\n  f();\n}\ng = 1;",
    1,
  ],
  ["a<K extends { b: 1 }>(k: K): void {\n  x = 1;\n}", 0],
  [
    "[Symbol.iterator]() {\n  a;\n}\nasync [Symbol.asyncDispose](): Promise<void> {}\n[key] = 1;",
    1,
  ],
  ["a(): void;\na(b?: 1): void {\n}\nc;", 1],
] as const)("counts the fields of %j", ([body, count]) => {
  expect(fields(body)).toBe(count);
});

it("finds each class with its line", () => {
  const source =
    "class A { a = 1; }\nconst x = 'class B {';\nexport class C extends D<{ e: 1 }> { f = 1; }";
  expect(classesOf(source, lex(source))).toMatchObject([
    { name: "A", line: 1, fields: 1 },
    { name: "C", line: 3 },
  ]);
});
