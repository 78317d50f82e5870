// Code that works at once with stores that answer at once, and waits for those that do not.
import type { MaybePromise } from "./contract.ts";

/** A computation that may have to wait: write `yield* wait(value)` where one would `await value`. */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** The value itself, or what the promise comes to. */
export function* wait<T>(value: MaybePromise<T>): Steps<T> {
  return isPromise(value) ? ((yield value) as T) : value;
}

/** Runs the steps; the result is a promise only if a step had to wait. */
export function run<T>(steps: Steps<T>): MaybePromise<T> {
  const first = steps.next();
  return first.done ? first.value : goOn(steps, first.value);
}

async function goOn<T>(steps: Steps<T>, first: PromiseLike<unknown>): Promise<T> {
  for (let pending = first; ; ) {
    const settled = await Promise.allSettled([pending]);
    const [how] = settled;
    const step = how.status === "fulfilled" ? steps.next(how.value) : steps.throw(how.reason);
    if (step.done) return step.value;
    pending = step.value;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
