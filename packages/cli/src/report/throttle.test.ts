import { expect, it } from "vitest";
import { throttle } from "./throttle.ts";

it("lets through the first, and then one per interval", () => {
  let now = 0;
  const isTime = throttle(100, () => now);
  const passed = [0, 50, 99, 100, 150, 250].filter((at) => {
    now = at;
    return isTime();
  });
  expect(passed).toEqual([0, 100, 250]);
});
