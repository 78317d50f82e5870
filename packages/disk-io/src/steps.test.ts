import { describe, expect, it } from "vitest";
import { run, type Steps, wait } from "./steps.ts";

function* sum(...values: (number | Promise<number>)[]): Steps<number> {
  let total = 0;
  for (const value of values) total += yield* wait(value);
  return total;
}

describe("steps", () => {
  it("answer at once if nothing has to be waited for, else with a promise", async () => {
    expect(run(sum(1, 2, 3))).toBe(6);
    const later = run(sum(1, Promise.resolve(2), 3, Promise.resolve(4)));
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBe(10);
  });

  it("throw where they wait", async () => {
    function* guarded(): Steps<string> {
      try {
        yield* wait(Promise.reject(new Error("late")));
      } catch (error) {
        return String(error);
      }
      return "";
    }
    expect(await run(guarded())).toBe("Error: late");
    await expect(run(sum(Promise.reject(new Error("out"))))).rejects.toThrow("out");
  });
});
