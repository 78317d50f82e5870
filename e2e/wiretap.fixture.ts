// Reads along in the simulated network: every datagram, and every extension message, by name.
import { BencodeDict, decodePrefix } from "@shoal/bencode";
import type { Clock, Datagrams, Duplex, DuplexHandler, Endpoint, Transport } from "@shoal/core";
import { toHex } from "@shoal/core";

/** A datagram as it was sent. */
export interface SeenDatagram {
  /** Virtual ms. */
  readonly at: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** A message of the extension protocol, or the one that names a DHT port. */
export interface SeenMessage {
  /** Virtual ms. */
  readonly at: number;
  /** IP address of the sender. */
  readonly from: string;
  /** Of the torrent, in hexadecimal digits. */
  readonly infoHash: string;
  /** `ut_pex`, …; `handshake` for that of the extension protocol, `port` for the DHT's. */
  readonly name: string;
  /** A copy. */
  readonly payload: Uint8Array;
}

/** What the tap tells as it happens. */
export interface WiretapHandler {
  datagram?(seen: SeenDatagram): void;
  message?(seen: SeenMessage): void;
  dialed?(from: string, to: Endpoint): void;
}

/**
 * Taps whatever goes through the transports and sockets that it made, as it is sent. It shares no
 * code with the engine's own decoder, so that it sees what is on the wire.
 */
export class Wiretap {
  readonly #clock: Clock;
  readonly #handler: WiretapHandler;

  constructor(clock: Clock, handler: WiretapHandler) {
    this.#clock = clock;
    this.#handler = handler;
  }

  transport(inner: Transport, address: string): Transport {
    return {
      kind: inner.kind,
      listen: (at, accept) => inner.listen(at, (duplex) => accept(this.#duplex(duplex, address))),
      dial: async (to, options) => {
        this.#handler.dialed?.(address, to);
        return this.#duplex(await inner.dial(to, options), address);
      },
    };
  }

  datagrams(inner: Datagrams): Datagrams {
    return {
      local: inner.local,
      attach: (receive) => inner.attach(receive),
      send: (bytes, to) => {
        this.sent(bytes, inner.local, to);
        inner.send(bytes, to);
      },
      close: () => inner.close(),
    };
  }

  /** A datagram leaves. */
  sent(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.#handler.datagram?.({ at: this.#clock.now(), from, to, bytes });
  }

  #duplex(inner: Duplex, from: string): Duplex {
    return new TappedDuplex(inner, (infoHash, name, payload) =>
      this.#handler.message?.({ at: this.#clock.now(), from, infoHash, name, payload }),
    );
  }
}

/** One end of a stream: tells what is written to it, named as the other side's handshake says. */
class TappedDuplex implements Duplex {
  readonly #inner: Duplex;
  readonly #out: Direction;
  readonly #in: Direction;

  constructor(inner: Duplex, tell: (infoHash: string, name: string, payload: Uint8Array) => void) {
    this.#inner = inner;
    this.#in = new Direction(() => {});
    this.#out = new Direction((id, payload) => {
      const name = this.#in.names.get(id) ?? String(id);
      tell(this.#out.infoHash, id === PORT ? "port" : id === 0 ? "handshake" : name, payload);
    });
  }

  get kind(): string {
    return this.#inner.kind;
  }

  get remote(): Endpoint {
    return this.#inner.remote;
  }

  get local(): Endpoint {
    return this.#inner.local;
  }

  attach(handler: DuplexHandler): void {
    this.#inner.attach({
      received: (chunk) => {
        this.#in.read(chunk);
        handler.received(chunk);
      },
      flushed: (total) => handler.flushed(total),
      closed: (error) => handler.closed(error),
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#out.read(chunk);
    this.#inner.write(chunks);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(error?: Error): void {
    this.#inner.destroy(error);
  }
}

/** One direction of a stream: 68 bytes of handshake, then messages behind their length. */
class Direction {
  infoHash = "";
  /** Extension ids that this side wants to see. */
  readonly names: Map<number, string> = new Map();
  readonly #message: (id: number, payload: Uint8Array) => void;
  #held: Buffer = Buffer.alloc(0);
  #needed = HANDSHAKE;
  #skip = 0;
  #isOpen = false;

  constructor(message: (id: number, payload: Uint8Array) => void) {
    this.#message = message;
  }

  read(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
      const taken = rest.subarray(0, this.#needed - this.#held.length);
      if (taken.length === 0) continue;
      this.#held = Buffer.concat([this.#held, taken]);
      rest = rest.subarray(taken.length);
      if (this.#held.length === this.#needed) this.#take();
    }
  }

  /** So much is there as was asked for. */
  #take(): void {
    const held = this.#held;
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.infoHash = toHex(held.subarray(28, 48));
      this.#next();
      return;
    }
    const length = held.readUInt32BE(0);
    if (length === 0) this.#next();
    else if (held.length === 4) this.#needed = 5;
    else if (held[4] !== EXTENDED && held[4] !== PORT_ID) {
      this.#next();
      this.#skip = length - 1;
    } else if (held.length < 4 + length) this.#needed = 4 + length;
    else {
      this.#next();
      if (held[4] === PORT_ID) this.#message(PORT, held.subarray(5));
      else this.#extended(held[5] ?? 0, held.subarray(6));
    }
  }

  #next(): void {
    this.#held = Buffer.alloc(0);
    this.#needed = 4;
  }

  #extended(id: number, payload: Uint8Array): void {
    if (id === 0) {
      const { value } = decodePrefix(payload);
      const m = value instanceof BencodeDict ? value.dict("m") : undefined;
      for (const [name, chosen] of m?.entries() ?? []) this.names.set(Number(chosen), name);
    }
    this.#message(id, payload);
  }
}

const HANDSHAKE = 68;
const EXTENDED = 20;
const PORT_ID = 9;
/** Beyond the ids of extensions. */
const PORT = 256;
