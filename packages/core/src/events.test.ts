import { describe, expect, it } from "vitest";
import { Emitter } from "./index.ts";

interface Events {
  readonly progress: { readonly fraction: number };
  readonly done: undefined;
}

describe("Emitter", () => {
  it("calls listeners in order, until they are removed", () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const off = emitter.on("progress", ({ fraction }) => heard.push(`a${fraction}`));
    emitter.on("progress", ({ fraction }) => heard.push(`b${fraction}`));
    emitter.emit("progress", { fraction: 1 });
    emitter.emit("done", undefined);
    off();
    off();
    emitter.emit("progress", { fraction: 2 });
    expect(heard).toEqual(["a1", "b1", "b2"]);
  });

  it("takes one function registered twice as two listeners", () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    const listener = (): number => calls++;
    const off = emitter.on("done", listener);
    emitter.on("done", listener);
    emitter.emit("done", undefined);
    off();
    emitter.emit("done", undefined);
    expect(calls).toBe(3);
  });

  it("does not call a listener that another one removed in the same emit", () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    emitter.on("done", () => off());
    const off = emitter.on("done", () => calls++);
    emitter.emit("done", undefined);
    expect(calls).toBe(0);
  });

  it("does not call a listener that was added during the emit", () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    emitter.on("done", () => emitter.on("done", () => calls++));
    emitter.emit("done", undefined);
    expect(calls).toBe(0);
    emitter.emit("done", undefined);
    expect(calls).toBe(1);
  });

  it("knows whether anybody listens", () => {
    const emitter = new Emitter<Events>();
    expect(emitter.hasListeners("done")).toBe(false);
    const off = emitter.on("done", () => {});
    expect(emitter.hasListeners("done")).toBe(true);
    expect(emitter.hasListeners("progress")).toBe(false);
    off();
    expect(emitter.hasListeners("done")).toBe(false);
  });

  it("keeps a listener's error from the emitter and from others, but not from the process", async () => {
    const emitter = new Emitter<Events>();
    const failure = new Error("listener");
    let called = false;
    emitter.on("done", () => {
      throw failure;
    });
    emitter.on("done", () => {
      called = true;
    });
    const queued: (() => void)[] = [];
    const real = globalThis.queueMicrotask;
    globalThis.queueMicrotask = (task) => queued.push(task);
    try {
      emitter.emit("done", undefined);
    } finally {
      globalThis.queueMicrotask = real;
    }
    expect(called).toBe(true);
    expect(queued).toHaveLength(1);
    expect(queued[0]).toThrow(failure);
  });
});

describe("once", () => {
  it("resolves with the next event only, and leaves no listener", async () => {
    const emitter = new Emitter<Events>();
    const next = emitter.once("progress");
    emitter.emit("progress", { fraction: 1 });
    emitter.emit("progress", { fraction: 2 });
    expect(await next).toEqual({ fraction: 1 });
    expect(emitter.hasListeners("progress")).toBe(false);
  });

  it("rejects with the reason when the signal aborts, and leaves no listener", async () => {
    const emitter = new Emitter<Events>();
    const abort = new AbortController();
    const next = emitter.once("done", { signal: abort.signal });
    abort.abort("enough");
    await expect(next).rejects.toBe("enough");
    expect(emitter.hasListeners("done")).toBe(false);
    await expect(emitter.once("done", { signal: abort.signal })).rejects.toBe("enough");
    expect(emitter.hasListeners("done")).toBe(false);
  });

  it("forgets the signal once the event has come", async () => {
    const emitter = new Emitter<Events>();
    const abort = new AbortController();
    let listening = 0;
    const { signal } = abort;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening--;
      remove(...args);
    };
    const next = emitter.once("done", { signal });
    expect(listening).toBe(1);
    emitter.emit("done", undefined);
    await next;
    expect(listening).toBe(0);
  });
});
