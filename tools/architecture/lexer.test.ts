import { describe, expect, it } from "vitest";
import { lex } from "./lexer.ts";

describe("lex", () => {
  it.for([
    ["a // b\nc", "a     \nc"],
    ["a /* b\n */ c", "a     \n    c"],
    ['f("x // y", z)', 'f("      ", z)'],
    ["f('it\\'s', z)", "f('     ', z)"],
    [`\`a \${b + \`c \${d} e\`} f\` + g`, `\`  \${b + \`  \${d}  \`}  \` + g`],
    [`\`{ \${{ a: \`}\` }} }\``, `\`  \${{ a: \` \` }}  \``],
    ["a / b / c", "a / b / c"],
    ['f(/a"b[/]c/g, d)', "f(/         , d)"],
    ["return /'/.test(x)", "return /  .test(x)"],
    ["(a) / b // '", "(a) / b     "],
    ["#!/usr/bin/env node\nx", "                   \nx"],
  ] as const)("tells code from the rest in %j", ([source, code]) => {
    expect(lex(source).code).toBe(code);
  });

  it("keeps what strings say", () => {
    expect([...lex(`import "a"; f('b');`).strings]).toEqual([
      [7, "a"],
      [14, "b"],
    ]);
  });

  it.for(["'", '"\n', "`", "`${", "/*", "/", "}", "a = /["])(
    "ends on the unfinished %j",
    (source) => {
      expect(lex(source).code).toHaveLength(source.length);
    },
  );
});
