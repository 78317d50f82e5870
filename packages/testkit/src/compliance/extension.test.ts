import type { ExtensionPeer, PeerExtension, WireExtension } from "@shoal/wire";
import { describe, expect, it } from "vitest";
import { extensionCompliance } from "./extension.ts";

describe("an extension that greets", () => {
  for (const { name, run } of extensionCompliance(() => greeter())) it(name, run);
});

describe("an extension that stays out", () => {
  const out: WireExtension = { name: "x_out", attach: () => undefined };
  for (const { name, run } of extensionCompliance(() => out)) it(name, run);
});

it.each<[string, string, WireExtension]>([
  ["has no name", "has a name of its own", { ...greeter(), name: "" }],
  [
    "echoes everything",
    "talks to itself without a fault and comes to an end",
    greeter((peer) => ({
      handshake: () => peer.send(Uint8Array.of(1)),
      message: (payload) => peer.send(payload),
    })),
  ],
  [
    "throws at its own messages",
    "talks to itself without a fault and comes to an end",
    greeter((peer) => ({
      handshake: () => peer.send(Uint8Array.of(1)),
      message: () => {
        throw new Error("what?");
      },
    })),
  ],
  [
    "leaves an alarm",
    "leaves no alarm when its torrent goes",
    {
      name: "x_late",
      attach: (torrent) => {
        torrent.alarm(() => {}).set(1e9);
        return { attachPeer: () => ({ message: () => {} }) };
      },
    },
  ],
])("finds out one that %s", async (_, wanted, extension) => {
  const found = extensionCompliance(() => extension).find(({ name }) => name === wanted);
  await expect(found?.run()).rejects.toThrow();
});

function greeter(
  attachPeer: (peer: ExtensionPeer) => PeerExtension = (peer) => ({
    handshake: () => peer.send(Buffer.from("hello")),
    message: (payload) => {
      if (Buffer.from(payload).toString() !== "hello") throw new Error("not polite");
    },
  }),
): WireExtension {
  return {
    name: "x_greet",
    attach: (torrent) => {
      const alarm = torrent.alarm(() => {});
      alarm.set(torrent.now() + 100_000);
      return { attachPeer, close: () => alarm.clear() };
    },
  };
}
