// Peers that stall, lie, break the rules and flood, in virtual time.
import type { ExtensionPeer } from "@shoal/wire";
import { describe, expect, it } from "vitest";
import { honest, liar, SECOND, scriptedNode, seedOf, setup } from "../testing/peers.ts";
import { Node, type Script, type Swarm } from "../testing/swarm.ts";
import { metadataExtension } from "./index.ts";
import { encodeData, encodeReject, encodeRequest, PIECE_LENGTH } from "./message.ts";

describe("fetching among peers that stall", () => {
  it("asks others for what a peer does not answer", () => {
    const { swarm, seed, leech } = setup(8 * PIECE_LENGTH);
    swarm.connect(leech, scriptedNode(swarm, { size: swarm.truth.length, message: () => {} }));
    swarm.pass(100);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 5 * SECOND)).toBe(true);
  });

  it("asks others at once for what a peer rejects, or leaves behind", () => {
    const { swarm, seed, leech } = setup(4 * PIECE_LENGTH);
    const rejects: Script = {
      size: swarm.truth.length,
      message: ({ piece }, peer) => peer.send(encodeReject(piece)),
    };
    swarm.connect(leech, scriptedNode(swarm, rejects));
    const stalls: Script = { size: swarm.truth.length, message: () => {} };
    const cut = swarm.connect(leech, scriptedNode(swarm, stalls));
    swarm.connect(leech, seed);
    swarm.pass(500);
    cut();
    expect(swarm.run(() => leech.metadata() !== undefined, 500)).toBe(true);
  });

  it("asks little of a peer that never answers", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    const counts = [swarm.truth.length, undefined].map((size) => {
      const count = { requests: 0 };
      swarm.connect(leech, scriptedNode(swarm, { size, message: () => void count.requests++ }));
      return count;
    });
    swarm.pass(300 * SECOND);
    const [claiming, silent] = counts.map(({ requests }) => requests);
    expect(claiming).toBeGreaterThan(10);
    expect(claiming).toBeLessThan(24);
    expect(silent).toBeGreaterThan(2);
    expect(silent).toBeLessThan(7);
  });

  it("waits for a slow peer that goes on answering", () => {
    const { swarm, leech } = setup(12 * PIECE_LENGTH);
    const requests: number[] = [];
    const fair = honest(swarm);
    const slow: Script = {
      size: swarm.truth.length,
      message: (message, peer) => {
        requests.push(message.piece);
        fair.message(message, peer);
      },
    };
    // A piece takes 8 s.
    swarm.connect(leech, scriptedNode(swarm, slow), { latency: 20, rate: 2 });
    expect(swarm.run(() => leech.metadata() !== undefined, 110 * SECOND)).toBe(true);
    expect(requests).toEqual([...Array(12).keys()]);
  });

  it("asks for more at once of a peer that answers", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    swarm.connect(leech, scriptedNode(swarm, honest(swarm)), { latency: 500, rate: 1000 });
    // A second there and back, for eight pieces at last.
    expect(swarm.run(() => leech.metadata() !== undefined, 14 * SECOND)).toBe(true);
  });

  it("asks a peer again that forgot to answer", () => {
    const { swarm, leech } = setup(8 * PIECE_LENGTH);
    let count = 0;
    const forgetful: Script = {
      size: swarm.truth.length,
      message: (message, peer) => {
        if (message.type === "request" && count++ % 3 > 0) {
          peer.send(encodeData(message.piece, swarm.truth));
        }
      },
    };
    swarm.connect(leech, scriptedNode(swarm, forgetful));
    expect(swarm.run(() => leech.metadata() !== undefined, 180 * SECOND)).toBe(true);
  });

  it("leaves a peer in peace that rejects, ever longer, and takes what it gives at last", () => {
    const { swarm, leech } = setup(PIECE_LENGTH);
    const requests: number[] = [];
    const reluctant: Script = {
      size: swarm.truth.length,
      message: ({ piece }, peer) => {
        requests.push(swarm.now);
        const gives = requests.length === 10;
        peer.send(gives ? encodeData(piece, swarm.truth) : encodeReject(piece));
      },
    };
    swarm.connect(leech, scriptedNode(swarm, reluctant));
    expect(swarm.run(() => leech.metadata() !== undefined, 400 * SECOND)).toBe(true);
    const pauses = requests.slice(1).map((at, i) => at - (requests[i] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThan(SECOND);
    for (const pause of pauses.slice(5)) expect(pause).toBeGreaterThan(40 * SECOND);
  });

  it("asks little of a peer that rejects everything", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    const { script, mood, requests } = moody(swarm);
    swarm.connect(leech, scriptedNode(swarm, script), { latency: 100, rate: 1000 });
    swarm.pass(1500);
    mood.gives = false;
    const before = requests.length;
    swarm.pass(60 * SECOND);
    expect(requests.length - before).toBeLessThan(20);
    mood.gives = true;
    expect(swarm.run(() => leech.metadata() !== undefined, 70 * SECOND)).toBe(true);
  });

  it("counts rejects as one that come together", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    const { script, mood } = moody(swarm);
    swarm.connect(leech, scriptedNode(swarm, script), { latency: 100, rate: 1000 });
    swarm.pass(1500);
    mood.gives = false;
    swarm.pass(250);
    mood.gives = true;
    expect(swarm.run(() => leech.metadata() !== undefined, 8 * SECOND)).toBe(true);
  });

  it("forgives a reject when a piece comes", () => {
    const { swarm, leech } = setup(12 * PIECE_LENGTH);
    let count = 0;
    const fussy: Script = {
      size: swarm.truth.length,
      message: ({ piece }, peer) => {
        peer.send(count++ % 2 > 0 ? encodeData(piece, swarm.truth) : encodeReject(piece));
      },
    };
    swarm.connect(leech, scriptedNode(swarm, fussy));
    expect(swarm.run(() => leech.metadata() !== undefined, 80 * SECOND)).toBe(true);
  });

  it("takes answers that come late", () => {
    const { swarm, leech } = setup(3 * PIECE_LENGTH);
    // A piece takes 20 s, more than a silence may.
    const answers = new Set<number>();
    swarm.connect(leech, scriptedNode(swarm, honest(swarm, answers)), { latency: 20, rate: 0.82 });
    expect(swarm.run(() => leech.metadata() !== undefined, 100 * SECOND)).toBe(true);
    expect(leech.disconnects).toEqual([]);
  });

  it("stops asking a peer that gives the extension up", () => {
    const { swarm, leech } = setup(64 * PIECE_LENGTH);
    let requests = 0;
    const broken: Script = {
      size: swarm.truth.length,
      message: () => {
        requests++;
        throw new Error("broken");
      },
    };
    const node = scriptedNode(swarm, broken);
    swarm.connect(leech, node);
    swarm.pass(300 * SECOND);
    expect(node.errors).toHaveLength(1);
    expect(requests).toBe(1);
    expect(swarm.deadlines.size).toBeLessThanOrEqual(1);
  });
});

describe("fetching among liars", () => {
  it("is not held up by claims about the size", () => {
    const { swarm, seed, leech } = setup(100_000);
    for (const size of [1, 99_999, 100_001, 1_048_577, 30_000_000, 31_457_280, 1e12]) {
      swarm.connect(leech, scriptedNode(swarm, { size, message: () => {} }));
    }
    swarm.pass(SECOND);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 2 * SECOND)).toBe(true);
  });

  it("is not held up by more claims than it tries at once", () => {
    const { swarm, seed, leech } = setup(200_000);
    for (let i = 0; i < 60; i++) {
      swarm.connect(leech, scriptedNode(swarm, { size: 300_000 + i, message: () => {} }));
    }
    swarm.pass(SECOND);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 300 * SECOND)).toBe(true);
  });

  it("prefers a size that several peers claim", () => {
    const { swarm, leech } = setup(200_000);
    for (let i = 0; i < 60; i++) {
      swarm.connect(leech, scriptedNode(swarm, { size: 300_000 + i, message: () => {} }));
    }
    swarm.connect(leech, seedOf(swarm));
    swarm.connect(leech, seedOf(swarm));
    expect(swarm.run(() => leech.metadata() !== undefined, 23 * SECOND)).toBe(true);
  });

  it("takes large dictionaries in turns with those that are only claimed", () => {
    const { swarm, seed, leech } = setup(4_000_000);
    for (let i = 0; i < 10; i++) {
      const trickle = liar(30_000_000 + i);
      swarm.connect(leech, scriptedNode(swarm, trickle), { latency: 50, rate: 20 });
    }
    swarm.pass(SECOND);
    swarm.connect(leech, seed, { latency: 50, rate: 500 });
    expect(swarm.run(() => leech.metadata() !== undefined, 600 * SECOND)).toBe(true);
  });

  it("keeps no place for a peer that gives the extension up", () => {
    const { swarm, seed, leech } = setup(1_500_000);
    const broken: Script = {
      size: 2_000_000,
      message: () => {
        throw new Error("broken");
      },
    };
    swarm.connect(leech, scriptedNode(swarm, broken));
    swarm.pass(SECOND);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 10 * SECOND)).toBe(true);
  });

  it("gathers one large dictionary at a time", () => {
    const { swarm, leech } = setup(1);
    const asked = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const note = (): void => void asked.add(i);
      swarm.connect(leech, scriptedNode(swarm, { size: 2_000_000 + i, message: note }));
    }
    swarm.pass(19 * SECOND);
    expect(asked.size).toBe(1);
    swarm.pass(100 * SECOND);
    expect(asked.size).toBe(5);
  });

  it("takes no memory for what is only announced", () => {
    const { swarm, leech } = setup(1);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 20; i++) {
      swarm.connect(leech, scriptedNode(swarm, { size: 30_000_000 + i, message: () => {} }));
    }
    swarm.pass(60 * SECOND);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("turns away whoever forged all of it", () => {
    const { swarm, seed, leech } = setup(100_000);
    swarm.connect(leech, scriptedNode(swarm, liar(swarm.truth.length)));
    swarm.pass(3 * SECOND);
    expect(leech.arrivals).toBe(1);
    expect(leech.disconnects).toMatchObject([{ code: "ERR_METADATA_FORGED" }]);
    swarm.pass(100 * SECOND);
    expect(leech.arrivals).toBe(1);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 2 * SECOND)).toBe(true);
  });

  it("is done with a liar before its connection is", () => {
    const { swarm, seed, leech } = setup(1_500_000);
    const forger = liar(1_200_000);
    const script: Script = {
      ...forger,
      message: (message, peer) => {
        forger.message(message, peer);
        peer.refreshHandshake();
      },
    };
    const link = { latency: 20, rate: 1000, lingers: true };
    swarm.connect(leech, scriptedNode(swarm, script), link);
    swarm.pass(10 * SECOND);
    expect(leech.disconnects).toHaveLength(1);
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 10 * SECOND)).toBe(true);
    expect(leech.arrivals).toBe(2);
  });

  it("lets all prove themselves alone when one of several forged", () => {
    const { swarm, seed, leech } = setup(40 * PIECE_LENGTH);
    const node = scriptedNode(swarm, liar(swarm.truth.length), "127.0.0.9");
    swarm.connect(leech, node);
    swarm.connect(leech, seed);
    swarm.connect(leech, seedOf(swarm));
    expect(swarm.run(() => leech.metadata() !== undefined, 10 * SECOND)).toBe(true);
    expect(leech.arrivals).toBeLessThanOrEqual(3);
    expect(seed.disconnects).toEqual([]);
    for (const { message } of leech.disconnects) expect(message).toContain("from this peer alone");
  });

  it("keeps a liar that comes again from spoiling the work of others again", () => {
    const { swarm, seed, leech } = setup(40 * PIECE_LENGTH);
    const node = scriptedNode(swarm, liar(swarm.truth.length), "127.0.0.9");
    swarm.connect(leech, node);
    swarm.pass(5 * SECOND);
    expect(leech.disconnects).toHaveLength(1);
    swarm.connect(leech, node);
    swarm.connect(leech, seed);
    swarm.connect(leech, seedOf(swarm));
    expect(swarm.run(() => leech.metadata() !== undefined, 10 * SECOND)).toBe(true);
    // What failed can only have been the liar's own.
    expect(leech.disconnects.length).toBe(leech.arrivals - 1);
  });

  it("wants the size of the data to agree with the size of the handshake", () => {
    const { swarm, leech } = setup(2 * PIECE_LENGTH);
    const larger = new Uint8Array(3 * PIECE_LENGTH);
    let requests = 0;
    const fickle: Script = {
      size: swarm.truth.length,
      message: ({ piece }, peer) => {
        requests++;
        peer.send(encodeData(piece, larger));
      },
    };
    swarm.connect(leech, scriptedNode(swarm, fickle));
    swarm.pass(60 * SECOND);
    expect(leech.arrivals).toBe(0);
    expect(requests).toBeLessThan(10);
  });

  it("wants pieces to have their length", () => {
    const { swarm, leech } = setup(2 * PIECE_LENGTH);
    const short: Script = {
      size: swarm.truth.length,
      message: ({ piece }, peer) => peer.send(encodeData(piece, swarm.truth).subarray(0, -1)),
    };
    swarm.connect(leech, scriptedNode(swarm, short));
    swarm.pass(60 * SECOND);
    expect(leech.arrivals).toBe(0);
  });

  it("follows a peer that corrects its size", () => {
    const { swarm, leech } = setup(2 * PIECE_LENGTH);
    const script = { ...honest(swarm), size: 17 };
    let turned = 0;
    swarm.connect(
      leech,
      scriptedNode(swarm, {
        get size() {
          return script.size;
        },
        message: (message, peer) => {
          if (script.size !== 17) return script.message(message, peer);
          turned++;
          script.size = swarm.truth.length;
          peer.refreshHandshake();
          peer.send(encodeReject(message.piece));
        },
      }),
    );
    expect(swarm.run(() => leech.metadata() !== undefined, 20 * SECOND)).toBe(true);
    expect(turned).toBe(1);
  });
});

describe("hostile messages", () => {
  it("that are malformed put the extension out of use on that connection", () => {
    const { swarm, seed, leech } = setup(100_000);
    const begin = (peer: ExtensionPeer): void => peer.send(new TextEncoder().encode("d8:msg_type"));
    swarm.connect(leech, scriptedNode(swarm, { begin, message: () => {} }));
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 2 * SECOND)).toBe(true);
    expect(leech.errors).toMatchObject([{ code: "ERR_METADATA_MESSAGE" }]);
    expect(leech.disconnects).toEqual([]);
  });

  it("that are too long end the connection", () => {
    const { swarm, seed } = setup(100);
    const begin = (peer: ExtensionPeer): void => peer.send(new Uint8Array(17_409));
    swarm.connect(seed, scriptedNode(swarm, { begin, message: () => {} }));
    swarm.pass(SECOND);
    expect(seed.disconnects).toMatchObject([{ code: "ERR_METADATA_MESSAGE" }]);
    expect(seed.errors).toEqual([]);
  });

  it.for([
    ["data that nobody asked for", encodeData(0, new Uint8Array(100))],
    ["rejects of what nobody asked for", encodeReject(3)],
    ["requests of what does not exist", encodeRequest(1e9)],
  ] as const)("of %0s are put up with for a while", ([, payload]) => {
    const { swarm, seed, leech } = setup(100_000);
    const other = new Node(swarm, metadataExtension());
    for (const node of [seed, other]) {
      const begin = (peer: ExtensionPeer): void => {
        for (let i = 0; i < 3000; i++) peer.send(payload);
      };
      const hostile = scriptedNode(swarm, { size: 40, begin, message: () => {} });
      swarm.connect(node, hostile, { latency: 1, rate: 1e6, lingers: true });
    }
    swarm.pass(5 * SECOND);
    for (const node of [seed, other]) {
      expect(node.disconnects).toMatchObject([{ code: "ERR_METADATA_FLOOD" }]);
    }
    swarm.connect(leech, seed);
    expect(swarm.run(() => leech.metadata() !== undefined, 2 * SECOND)).toBe(true);
  });

  it("are forgiven when they are rare", () => {
    const { swarm, seed } = setup(100_000);
    const node = scriptedNode(swarm, {
      begin: (peer) => {
        const alarm = swarm.deadlines.alarm((now) => {
          peer.send(encodeRequest(1e9));
          alarm.set(now + 250);
        });
        alarm.set(0);
      },
      message: () => {},
    });
    swarm.connect(seed, node);
    swarm.pass(600 * SECOND);
    expect(seed.disconnects).toEqual([]);
  });
});

/** A peer that gives or rejects as it is told. */
function moody(swarm: Swarm): { script: Script; mood: { gives: boolean }; requests: number[] } {
  const mood = { gives: true };
  const requests: number[] = [];
  const script: Script = {
    size: swarm.truth.length,
    message: ({ piece }, peer) => {
      requests.push(piece);
      peer.send(mood.gives ? encodeData(piece, swarm.truth) : encodeReject(piece));
    },
  };
  return { script, mood, requests };
}
