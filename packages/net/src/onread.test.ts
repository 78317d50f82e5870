import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { adoptSocket } from "./onread.ts";

it.each([true, false])(
  "reads an accepted socket when resumed, not before (handle: %s)",
  async (movable) => {
    const buffer = Buffer.alloc(1024);
    const received: string[] = [];
    const accepted = Promise.withResolvers<Socket>();
    const arrived = Promise.withResolvers<void>();
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      // What a runtime without this method leaves us with.
      const { _handle: handle } = socket as unknown as { _handle: { useUserBuffer: unknown } };
      if (!movable) handle.useUserBuffer = undefined;
      const adopted = adoptSocket(socket, buffer, (chunk) => {
        received.push(chunk.toString());
        expect((chunk as Buffer).buffer === buffer.buffer).toBe(movable);
        arrived.resolve();
      });
      expect(adopted === socket).toBe(!movable);
      accepted.resolve(adopted);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    client.write("hello");
    const adopted = await accepted.promise;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(received).toEqual([]);
    adopted.resume();
    await arrived.promise;
    expect(received).toEqual(["hello"]);
    client.destroy();
    adopted.destroy();
    server.close();
  },
);
