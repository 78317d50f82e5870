// Names: asked for once at a time, remembered for a while, never for ever.
import { beforeEach, expect, it } from "vitest";
import { Names } from "./names.ts";

const MINUTE = 60_000;

let now: number;
let asked: string[];
let answer: () => Promise<string[]>;
let names: Names;

beforeEach(() => {
  now = 0;
  asked = [];
  answer = async () => ["192.0.2.1"];
  names = new Names({ now: () => now }, (name) => {
    asked.push(name);
    return answer();
  });
});

it("asks once for all who ask at the same time, and for 20 minutes", async () => {
  const [first, second] = await Promise.all([names.lookUp("a"), names.lookUp("a")]);
  expect([first, second]).toEqual([["192.0.2.1"], ["192.0.2.1"]]);
  now = 20 * MINUTE - 1;
  await names.lookUp("a");
  expect(asked).toEqual(["a"]);
  now++;
  await names.lookUp("a", { stale: true });
  expect(asked).toEqual(["a"]);
  await names.lookUp("a");
  expect(asked).toEqual(["a", "a"]);
});

it("asks again 15 s after a failure", async () => {
  answer = () => Promise.reject(new Error("ENOTFOUND"));
  const failure = { code: "ERR_TRACKER_UNREACHABLE", message: /address: ENOTFOUND$/ };
  const failing = (): Promise<void> =>
    expect(names.lookUp("a")).rejects.toMatchObject({
      code: failure.code,
      message: expect.stringMatching(failure.message),
    });
  await failing();
  now = 14_999;
  await failing();
  expect(asked).toHaveLength(1);
  answer = async () => ["192.0.2.2"];
  now++;
  expect(await names.lookUp("a")).toEqual(["192.0.2.2"]);
});

it("asks again after half a minute without an answer", () => {
  answer = () => new Promise(() => {});
  void names.lookUp("a");
  now = 29_999;
  void names.lookUp("a");
  expect(asked).toHaveLength(1);
  now++;
  void names.lookUp("a");
  expect(asked).toHaveLength(2);
});

it("remembers a thousand names", async () => {
  for (let i = 0; i <= 1000; i++) await names.lookUp(`n${i}`);
  asked.length = 0;
  await names.lookUp("n1");
  await names.lookUp("n0");
  expect(asked).toEqual(["n0"]);
});
