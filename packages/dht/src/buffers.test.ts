// Node's sockets and files give Buffers, whose `slice` copies nothing.
import { toHex } from "@shoal/core";
import { expect, it } from "vitest";
import { addressOf, SimNetwork } from "../testing/network.ts";
import { decodeContacts, encodeContact } from "./contact.ts";
import { portableSigner } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { divergeAt } from "./node-id.ts";
import { decodeState, encodeState } from "./state.ts";

const CONTACT = {
  id: new Uint8Array(20).fill(7),
  endpoint: { address: "192.0.2.1", port: 6881 },
};

/** Nodes whose datagrams come as Buffers; those that arrived, in that order. */
async function swarm(size: number) {
  const net = new SimNetwork(7);
  const arrived: Buffer[] = [];
  const nodes = Array.from({ length: size }, (_, i) => {
    const socket = net.socket({ address: addressOf(i), port: 6881 });
    const attach: typeof socket.attach = (receive) =>
      socket.attach((bytes, from) => {
        const buffer = Buffer.from(bytes);
        arrived.push(buffer);
        receive(buffer, from);
      });
    const bootstrap = i === 0 ? [] : [{ address: addressOf(0), port: 6881 }];
    return new DhtNode(net.host(), { sockets: [{ ...socket, attach }], bootstrap });
  });
  await net.advance(60_000);
  return { net, nodes, arrived };
}

const idsOf = (nodes: readonly DhtNode[]): string[] =>
  nodes.flatMap((node) => node.nodes().map(({ id }) => toHex(id)));

it("keeps nothing of the datagrams that it received", async () => {
  const { net, nodes, arrived } = await swarm(20);
  const [one, other, third] = nodes;
  const signer = portableSigner(new Uint8Array(32).fill(3));
  const put = one?.putMutable({ signer, value: "mutable", salt: Uint8Array.of(1) });
  const target = one?.put("immutable").then((stored) => stored.target);
  const [, at] = await net.settle(Promise.all([put, target]));
  const ids = idsOf(nodes);
  for (const datagram of arrived) datagram.fill(0);
  expect(idsOf(nodes)).toEqual(ids);
  const found = await net.settle(
    Promise.all([
      other?.getMutable(signer.publicKey, { salt: Uint8Array.of(1) }),
      third?.get(at ?? new Uint8Array(20)),
    ]),
  );
  expect(found).toMatchObject([
    { value: new TextEncoder().encode("mutable") },
    new TextEncoder().encode("immutable"),
  ]);
});

it("leaves the ids of the nodes that it crawls as they are", async () => {
  const { net, nodes } = await swarm(20);
  const ids = idsOf(nodes);
  const crawl = async () => {
    for await (const _ of nodes[0]?.crawl() ?? []);
  };
  await net.settle(crawl());
  expect(new Set(ids)).toEqual(new Set(idsOf(nodes)));
});

it("has its saved id and nodes to itself", () => {
  const saved = encodeState([{ family: 4, local: "0.0.0.0", id: CONTACT.id, contacts: [CONTACT] }]);
  const bytes = Buffer.from(saved);
  const states = decodeState(bytes);
  bytes.fill(0);
  expect(states).toEqual(decodeState(saved));
});

it("makes ids without changing others", () => {
  const listed = Buffer.from(encodeContact(CONTACT));
  const [contact] = decodeContacts(listed, 4);
  listed.fill(0);
  expect(contact).toEqual(CONTACT);
  const id = Buffer.from(CONTACT.id);
  divergeAt(id, 5, new Uint8Array(20));
  expect(new Uint8Array(id)).toEqual(CONTACT.id);
});
