// The XML of gateways, good and bad.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementText, xmlTokens } from "./xml.ts";

const MARKS = ["<", ">", "/", "!", "--", "[", "]", "?", "&", ";", "#", "x", "CDATA", " ", ":", '"'];

function read(document: string): string[] {
  return [...xmlTokens(document)].map(({ kind, value }) => `${kind} ${value}`);
}

describe("xmlTokens", () => {
  it("reads elements and text, names without prefixes", () => {
    const document = `<?xml version="1.0"?>\n<s:a x="1"><b/>\n<c >t</c ></s:a>`;
    expect(read(document)).toEqual([
      "open a",
      "open b",
      "close b",
      "open c",
      "text t",
      "close c",
      "close a",
    ]);
  });

  it("resolves XML's own entities and no other", () => {
    expect(read("&lt;&amp;&#65;&#x42;&quot;&apos;&gt;&evil;&#x110000;")).toEqual([
      `text <&AB"'>&evil;&#x110000;`,
    ]);
  });

  it("leaves out comments, declarations and what CDATA hides", () => {
    const document = `<!DOCTYPE a [><!-- <x> --><a><![CDATA[<&amp;]]></a>`;
    expect(read(document)).toEqual(["open a", "text <&amp;", "close a"]);
  });

  it.each(["<", "<a", "</", "<!--", "<![CDATA[", "<?", "<>", "</>", "< >", "<:>"])(
    "ends at broken %j",
    (document) => {
      expect(read(document)).toEqual([]);
    },
  );

  it("never throws, and ends in time that grows with the document alone", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...MARKS) }), (document) => {
        read(document);
      }),
    );
    // Each of these would take a reader that looks for every end anew, or recurses, too long.
    for (const part of ["<!--", "<![CDATA[", "<a>", "&#", "<"]) {
      const document = part.repeat(65_536 / part.length);
      expect(read(document).length).toBeLessThanOrEqual(65_536);
    }
  });
});

describe("elementText", () => {
  it("is that of the first element of the name", () => {
    expect(elementText("<a><b> 1 </b><b>2</b></a>", "b")).toBe("1");
    expect(elementText("<a/>", "a")).toBe("");
    expect(elementText("<a><b>1", "b")).toBeUndefined();
    expect(elementText("<a></a>", "b")).toBeUndefined();
  });
});
