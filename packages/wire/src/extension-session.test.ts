import { decodeDict, encode } from "@shoal/bencode";
import { endpoint } from "@shoal/core";
import { describe, expect, it } from "vitest";
import {
  type ExtendedHandshake,
  type ExtensionPeer,
  ExtensionSession,
  type ExtensionSessionHost,
  type OwnHandshake,
  type PeerExtension,
  WireError,
} from "./index.ts";

describe("ExtensionSession", () => {
  it("sends our handshake at the start, with ids and what extensions add", () => {
    const { session, sent } = connect({ client: "Shoal", requestQueue: 2000 }, [
      ["ut_metadata", () => ({ message: () => {}, handshakeFields: () => ({ metadata_size: 9 }) })],
      ["ut_pex", () => ({ message: () => {} })],
    ]);
    expect(sent).toEqual([]);
    session.start();
    const [hello] = sent;
    expect(hello?.id).toBe(0);
    const dict = decodeDict(hello?.payload ?? new Uint8Array(0));
    expect([...(dict.dict("m")?.entries() ?? [])]).toEqual([
      ["upload_only", 1],
      ["ut_metadata", 2],
      ["ut_pex", 3],
    ]);
    expect(dict.int("metadata_size")).toBe(9);
    expect(dict.int("reqq")).toBe(2000);
    expect(dict.text("v")).toBe("Shoal");
  });

  it("routes messages by our ids and ignores others", () => {
    const heard: string[] = [];
    const { session } = connect({}, [
      ["a", () => ({ message: (payload) => heard.push(`a${payload.length}`) })],
      ["b", () => ({ message: (payload) => heard.push(`b${payload.length}`) })],
    ]);
    session.start();
    session.receive(2, new Uint8Array(5));
    session.receive(3, new Uint8Array(6));
    for (const id of [4, 100, 255, -1]) session.receive(id, new Uint8Array(1));
    expect(heard).toEqual(["a5", "b6"]);
  });

  it("sends with the other side's ids, and only what it supports", () => {
    const { session, sent, peers } = connect({}, [["ut_pex", () => ({ message: () => {} })]]);
    session.start();
    sent.length = 0;
    const [peer] = peers;
    peer?.send(Uint8Array.of(1));
    expect(peer?.supported).toBe(false);
    session.receive(0, encode({ m: { ut_pex: 77 } }));
    expect(peer?.supported).toBe(true);
    peer?.send(Uint8Array.of(2));
    session.receive(0, encode({ m: { other: 3 } }));
    peer?.send(Uint8Array.of(3));
    session.receive(0, encode({ m: { ut_pex: 0 } }));
    expect(peer?.supported).toBe(false);
    peer?.send(Uint8Array.of(4));
    expect(sent).toEqual([
      { id: 77, payload: Uint8Array.of(2) },
      { id: 77, payload: Uint8Array.of(3) },
    ]);
  });

  it("tells the host, then the extensions, of each handshake", () => {
    const heard: string[] = [];
    const { session } = connect(
      {},
      [["a", () => ({ message: () => {}, handshake: ({ client }) => heard.push(`a: ${client}`) })]],
      { handshake: ({ client }) => heard.push(`host: ${client}`) },
    );
    session.receive(0, encode({ v: "X" }));
    session.receive(0, encode({ p: 5 }));
    expect(heard).toEqual(["host: X", "a: X", "host: X", "a: X"]);
    expect(session.theirs?.listenPort).toBe(5);
  });

  it("gives extensions the connection's facts and ways out", () => {
    const heard: unknown[] = [];
    const reason = new Error("too much");
    const { peers } = connect({}, [["a", () => ({ message: () => {} })]], {
      dontHave: (piece) => heard.push(piece),
      disconnect: (error) => heard.push(error),
    });
    const [peer] = peers;
    expect(peer?.id).toBe(7);
    expect(peer?.remote).toEqual(endpoint("192.0.2.1", 6881));
    expect(peer?.backlog).toBe(123);
    peer?.dontHave(3);
    peer?.disconnect(reason);
    expect(heard).toEqual([3, reason]);
  });

  it("sends the whole handshake again when an extension asks", () => {
    let size = 0;
    const { session, sent, peers } = connect({ client: "S" }, [
      [
        "a",
        () => ({
          message: () => {},
          handshakeFields: () => (size > 0 ? { metadata_size: size } : {}),
        }),
      ],
    ]);
    peers[0]?.refreshHandshake();
    expect(sent).toEqual([]);
    session.start();
    size = 5;
    peers[0]?.refreshHandshake();
    const [before, after] = sent.map(({ payload }) => decodeDict(payload));
    expect(before?.has("metadata_size")).toBe(false);
    expect(after?.int("metadata_size")).toBe(5);
    expect(after?.text("v")).toBe("S");
    expect(after?.dict("m")?.int("a")).toBe(2);
  });

  it("throws a WireError for a malformed handshake and keeps what it knew", () => {
    const { session } = connect({}, []);
    session.receive(0, encode({ p: 5 }));
    expect(() => session.receive(0, new Uint8Array(3))).toThrow(WireError);
    expect(session.theirs?.listenPort).toBe(5);
  });

  it("has ids for 254 extensions and no more", () => {
    const many = (n: number): [string, () => PeerExtension][] =>
      Array.from({ length: n }, (_, i) => [`x${i}`, () => ({ message: () => {} })]);
    const { session, sent } = connect({}, many(254));
    session.start();
    expect(
      decodeDict(sent[0]?.payload ?? new Uint8Array(0))
        .dict("m")
        ?.int("x253"),
    ).toBe(255);
    expect(() => connect({}, many(255))).toThrow(RangeError);
  });
});

describe("upload_only", () => {
  it("is told by message to those who take it, else by handshake", () => {
    const { session, sent } = connect({ uploadOnly: false }, []);
    session.start();
    sent.length = 0;
    session.update({ uploadOnly: false });
    expect(sent).toEqual([]);
    session.update({ uploadOnly: true });
    expect(sent.map(({ id }) => id)).toEqual([0]);
    expect(decodeDict(sent[0]?.payload ?? new Uint8Array(0)).int("upload_only")).toBe(1);
    session.receive(0, encode({ m: { upload_only: 3 } }));
    session.update({ uploadOnly: false });
    expect(sent[1]).toEqual({ id: 3, payload: Uint8Array.of(0) });
  });

  it("waits for the start, whose handshake says it", () => {
    const { session, sent } = connect({}, []);
    session.update({ uploadOnly: true });
    expect(sent).toEqual([]);
    session.start();
    expect(decodeDict(sent[0]?.payload ?? new Uint8Array(0)).int("upload_only")).toBe(1);
  });

  it("is understood as a message; other lengths are ignored", () => {
    const heard: ExtendedHandshake[] = [];
    const { session } = connect({}, [], { handshake: (theirs) => heard.push(theirs) });
    session.receive(1, Uint8Array.of(1));
    expect(heard).toEqual([]);
    session.receive(0, encode({ v: "X" }));
    session.receive(1, Uint8Array.of(1));
    expect(session.theirs).toMatchObject({ uploadOnly: true, client: "X" });
    session.receive(1, new Uint8Array(0));
    session.receive(1, new Uint8Array(2));
    expect(session.theirs?.uploadOnly).toBe(true);
    session.receive(1, Uint8Array.of(0));
    expect(session.theirs?.uploadOnly).toBe(false);
    expect(heard.map(({ uploadOnly }) => uploadOnly)).toEqual([undefined, true, false]);
  });
});

describe("an extension that throws", () => {
  const bang = (): never => {
    throw new Error("bang");
  };
  const fields: [string, PeerExtension][] = [
    ["message", { message: bang }],
    ["handshake", { message: () => {}, handshake: bang }],
    ["handshakeFields", { message: () => {}, handshakeFields: bang }],
    ["fields that can't be encoded", { message: () => {}, handshakeFields: () => ({ x: 0.5 }) }],
  ];

  it.each(fields)("in %s is disabled on this connection; others go on", (_, broken) => {
    const disabled: string[] = [];
    const heard: number[] = [];
    let closed = 0;
    const { session, sent, peers } = connect(
      {},
      [
        ["broken", () => ({ ...broken, close: () => closed++ })],
        ["sound", () => ({ message: (payload) => heard.push(payload.length) })],
      ],
      { disabled: (name, error) => disabled.push(`${name}: ${error.message}`) },
    );
    session.start();
    session.receive(0, encode({ m: { broken: 5, sound: 6 } }));
    for (let i = 0; i < 3; i++) {
      session.receive(2, new Uint8Array(1));
      session.receive(3, new Uint8Array(i));
    }
    expect(disabled).toHaveLength(1);
    expect(disabled[0]).toMatch(/^broken: /);
    expect(closed).toBe(1);
    expect(heard).toEqual([0, 1, 2]);
    // The other side has been told, in a handshake that still names the rest.
    const m = decodeDict(sent.filter(({ id }) => id === 0).at(-1)?.payload ?? new Uint8Array(0));
    expect(m.dict("m")?.int("broken")).toBe(0);
    expect(m.dict("m")?.int("sound")).toBe(3);
    // And it can do nothing any more.
    const before = sent.length;
    const [peer] = peers;
    expect(peer?.supported).toBe(false);
    peer?.send(new Uint8Array(1));
    peer?.refreshHandshake();
    peer?.dontHave(1);
    peer?.disconnect(new Error("no"));
    expect(sent).toHaveLength(before);
    session.close();
    expect(closed).toBe(1);
  });

  it("when attached is disabled before the first handshake", () => {
    const disabled: string[] = [];
    const { session, sent } = connect({}, [["a", bang]], {
      disabled: (name) => disabled.push(name),
    });
    expect(disabled).toEqual(["a"]);
    session.start();
    expect(sent).toHaveLength(1);
    expect(
      decodeDict(sent[0]?.payload ?? new Uint8Array(0))
        .dict("m")
        ?.int("a"),
    ).toBe(0);
  });

  it("while our handshake is made is left out of that handshake; no second one is sent", () => {
    const { session, sent } = connect({}, [
      ["a", () => ({ message: () => {}, handshakeFields: bang })],
      ["b", () => ({ message: () => {}, handshakeFields: () => ({ b_size: 1 }) })],
    ]);
    session.start();
    expect(sent).toHaveLength(1);
    const dict = decodeDict(sent[0]?.payload ?? new Uint8Array(0));
    expect(dict.dict("m")?.int("a")).toBe(0);
    expect(dict.int("b_size")).toBe(1);
  });

  it("after it has had the connection closed is not reported: there is nothing left to disable", () => {
    const { session, sent, peers } = connect(
      {},
      [
        [
          "a",
          () => ({
            message: () => {
              peers[0]?.disconnect(new Error("enough"));
              bang();
            },
          }),
        ],
      ],
      { disconnect: () => session.close(), disabled: () => expect.unreachable() },
    );
    session.start();
    session.receive(2, new Uint8Array(0));
    expect(sent).toHaveLength(1);
  });

  it("something else than an error is reported as an error", () => {
    const errors: Error[] = [];
    const notError: unknown = "words";
    const { session } = connect(
      {},
      [
        [
          "a",
          () => ({
            message: () => {
              throw notError;
            },
          }),
        ],
      ],
      { disabled: (_, error) => errors.push(error) },
    );
    session.receive(2, new Uint8Array(0));
    expect(errors[0]).toBeInstanceOf(Error);
    expect(errors[0]?.message).toBe("words");
  });
});

describe("close", () => {
  it("closes each extension once; nothing is sent or heard afterwards", () => {
    const heard: string[] = [];
    const { session, sent, peers } = connect(
      {},
      [
        [
          "a",
          () => ({
            message: () => heard.push("message"),
            handshake: () => heard.push("handshake"),
            close: () => {
              heard.push("close");
              throw new Error("bang");
            },
          }),
        ],
        ["b", () => ({ message: () => heard.push("message"), close: () => heard.push("close b") })],
      ],
      { disabled: (name) => heard.push(`${name} failed`) },
    );
    session.start();
    session.receive(0, encode({ m: { a: 9 } }));
    heard.length = 0;
    sent.length = 0;
    session.close();
    session.close();
    session.receive(0, encode({ m: { a: 8 } }));
    session.receive(2, new Uint8Array(1));
    session.update({ uploadOnly: true });
    peers[0]?.send(new Uint8Array(1));
    expect(heard).toEqual(["close", "a failed", "close b"]);
    expect(sent).toEqual([]);
  });

  it("by the host, while extensions are told of a handshake, ends the telling", () => {
    const heard: string[] = [];
    const { session, peers } = connect(
      {},
      [
        [
          "a",
          () => ({
            message: () => {},
            handshake: () => peers[0]?.disconnect(new Error("enough")),
          }),
        ],
        ["b", () => ({ message: () => {}, handshake: () => heard.push("b") })],
      ],
      { disconnect: () => session.close() },
    );
    session.start();
    session.receive(0, encode({}));
    expect(heard).toEqual([]);
  });
});

interface Sent {
  readonly id: number;
  readonly payload: Uint8Array;
}

/** A session on a connection that notes what is sent, and the peers that the extensions were given. */
function connect(
  own: OwnHandshake,
  extensions: readonly (readonly [name: string, attachPeer: () => PeerExtension])[],
  host: Partial<ExtensionSessionHost> = {},
): { session: ExtensionSession; sent: Sent[]; peers: ExtensionPeer[] } {
  const sent: Sent[] = [];
  const peers: ExtensionPeer[] = [];
  const session = new ExtensionSession(
    {
      id: 7,
      remote: endpoint("192.0.2.1", 6881),
      backlog: 123,
      send: (id, payload) => sent.push({ id, payload }),
      dontHave: () => expect.unreachable(),
      disconnect: () => expect.unreachable(),
      ...host,
    },
    own,
    extensions.map(([name, attachPeer]) => ({
      name,
      extension: {
        attachPeer: (peer) => {
          peers.push(peer);
          return attachPeer();
        },
      },
    })),
  );
  return { session, sent, peers };
}
