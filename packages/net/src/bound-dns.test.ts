import type { Datagrams } from "@shoal/core";
import { afterEach, expect, it } from "vitest";
import { bindTo } from "./binding.ts";
import { boundResolve } from "./bound-dns.ts";
import { udpSocket } from "./udp.ts";

const open: Datagrams[] = [];
afterEach(() => Promise.all(open.splice(0).map((socket) => socket.close())));

const binding = bindTo(["127.0.0.3", "::1"], false);

/** Answers A questions with 127.0.0.7 and 192.0.2.1, AAAA ones with `::1`; `code` is its trouble. */
async function serve(code = 0): Promise<{ at: string; from: string[] }> {
  const socket = await udpSocket({ address: "127.0.0.1", port: 0 });
  open.push(socket);
  const from: string[] = [];
  socket.attach((question, client) => {
    from.push(client.address);
    const isV4 = question[question.length - 3] === 1;
    const records = isV4
      ? ["c00c00010001000000000004 7f000007", "c00c00010001000000000004 c0000201"]
      : [`c00c001c0001000000000010 ${"00".repeat(15)}01`];
    const wanted = code === 0 ? records : [];
    const answer = Buffer.concat([
      question,
      Buffer.from(wanted.join("").replaceAll(" ", ""), "hex"),
    ]);
    answer.set([0x81, 0x80 | code, 0, 1, 0, wanted.length], 2);
    // Others' answers must not count.
    const forged = Buffer.from(answer);
    forged.set([1, 2, 3], forged.length - 3);
    forged[0] = (answer[0] ?? 0) ^ 1;
    socket.send(forged, client);
    socket.send(answer, client);
  });
  return { at: `127.0.0.1:${socket.local.port}`, from };
}

it("asks from the bound address, and leaves out what nothing leads to", async () => {
  const server = await serve();
  const resolve = boundResolve(binding, [server.at]);
  expect(await resolve("Peer.Example.")).toEqual(["::1", "127.0.0.7"]);
  expect(server.from).toEqual(["127.0.0.3", "127.0.0.3"]);
  expect(await resolve("peer.example", { family: 4 })).toEqual(["127.0.0.7"]);
  expect(await boundResolve(bindTo(["127.0.0.1"], false), [server.at])("peer.example")).toEqual([
    "127.0.0.7",
  ]);
});

it("knows this machine and IP addresses without asking", async () => {
  const server = await serve();
  const resolve = boundResolve(binding, [server.at]);
  for (const name of ["localhost", "LocalHost.", "a.localhost"]) {
    expect(await resolve(name)).toEqual(["::1", "127.0.0.1"]);
  }
  expect(await resolve("[2001:DB8::1]")).toEqual(["2001:db8::1"]);
  expect(await resolve("fe80::1%eth0")).toEqual(["fe80::1%eth0"]);
  expect(await resolve("127.1")).toEqual(["127.0.0.1"]);
  expect(server.from).toEqual([]);
});

it("asks the next server when one has trouble, and believes that there is no such name", async () => {
  const [troubled, good, empty] = [await serve(2), await serve(), await serve(3)];
  const resolve = boundResolve(binding, [troubled.at, good.at]);
  expect(await resolve("peer.example", { family: 6 })).toEqual(["::1"]);
  expect(troubled.from).toHaveLength(2);
  const missing = boundResolve(binding, [empty.at, good.at])("peer.example");
  await expect(missing).rejects.toMatchObject({
    code: "ERR_NET_DNS",
    message: expect.stringContaining("no such name"),
  });
  const failing = boundResolve(binding, [troubled.at])("peer.example");
  await expect(failing).rejects.toMatchObject({ message: expect.stringContaining("code 2") });
});

it("refuses what is no name", async () => {
  const server = await serve();
  const resolve = boundResolve(binding, [server.at]);
  for (const name of ["", "a b", `${"a".repeat(64)}.example`]) {
    await expect(resolve(name)).rejects.toMatchObject({ code: "ERR_NET_DNS" });
  }
  expect(server.from).toEqual([]);
});

it("stops with the signal's reason", async () => {
  const silent = await udpSocket({ address: "127.0.0.1", port: 0 });
  open.push(silent);
  const abort = new AbortController();
  const reason = new Error("stopped");
  const { promise, resolve } = Promise.withResolvers<void>();
  silent.attach(() => resolve());
  const resolving = boundResolve(binding, [`127.0.0.1:${silent.local.port}`])("peer.example", {
    signal: abort.signal,
  });
  await promise;
  abort.abort(reason);
  await expect(resolving).rejects.toBe(reason);
});

it("asks no server that it can't reach", async () => {
  const resolve = boundResolve(binding, ["192.0.2.53", "[2001:db8::53]:53", "no address"]);
  await expect(resolve("peer.example")).rejects.toMatchObject({
    code: "ERR_NET_ADDRESS_UNAVAILABLE",
  });
});
