// A gateway's PCP and NAT-PMP server as a function of bytes, written from the RFCs apart from the client.

/** What it has granted. */
export interface Granted {
  /** 6 or 17. */
  readonly protocol: number;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly lifetime: number;
}

/** Answers datagrams; the test sets how. */
export class PcpServer {
  speaksPcp = true;
  speaksNatPmp = true;
  /** Seconds since it started. */
  epoch = 1000;
  /** Refuses to map with this code. */
  result = 0;
  /** Lifetime of what it grants, or of its refusals. */
  lifetime = 3600;
  /** Nothing is answered. */
  isDead = false;
  /** Added to the port that is asked for. */
  shift = 0;
  externalAddress: readonly [number, number, number, number] = [203, 0, 113, 7];
  /** Of each request: `pcp` or `nat-pmp`, what was asked, and the nonce. */
  readonly requests: { readonly what: string; readonly nonce: string }[] = [];
  /** By protocol number and internal port. */
  readonly granted: Map<string, Granted> = new Map();

  /** @param client The sender's IPv4 address. */
  answer(request: Uint8Array, client: string): Uint8Array | undefined {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    if (request[0] === 0) this.#note(`nat-pmp ${natPmpRequest(view)}`, "");
    else
      this.#note(`pcp ${pcpRequest(view)}`, Buffer.from(request.subarray(24, 36)).toString("hex"));
    if (this.isDead) return undefined;
    if (request[0] === 2 && this.speaksPcp) return this.#pcp(request, client);
    if (request[0] === 0 && this.speaksNatPmp) return this.#natPmp(view);
    if (!this.speaksNatPmp) return undefined;
    return Uint8Array.of(0, 0x80, 0, 1, ...uint32(this.epoch));
  }

  #note(what: string, nonce: string): void {
    this.requests.push({ what, nonce });
  }

  #pcp(request: Uint8Array, client: string): Uint8Array {
    const bytes = Uint8Array.from(request);
    const view = new DataView(bytes.buffer);
    const isOurs = bytes.subarray(20, 24).join(".") === client && bytes[19] === 0xff;
    const result = isOurs ? this.result : 12;
    const deletes = view.getUint32(4) === 0;
    bytes[1] = 0x81;
    bytes[3] = result;
    bytes.fill(0, 8, 24);
    view.setUint32(4, deletes ? 0 : this.lifetime);
    view.setUint32(8, this.epoch);
    if (result !== 0) return bytes;
    const externalPort = deletes ? 0 : this.#outside(view.getUint16(42));
    this.#keep(bytes[36] ?? 0, view.getUint16(40), externalPort, deletes);
    view.setUint16(42, externalPort);
    bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...this.externalAddress], 44);
    return bytes;
  }

  #natPmp(view: DataView): Uint8Array {
    const opcode = view.getUint8(1);
    if (this.result !== 0) {
      return Uint8Array.of(0, 0x80 | opcode, 0, this.result, ...uint32(this.epoch));
    }
    if (opcode === 0)
      return Uint8Array.of(0, 0x80, 0, 0, ...uint32(this.epoch), ...this.externalAddress);
    const internal = view.getUint16(4);
    const deletes = view.getUint32(8) === 0;
    const external = deletes ? 0 : this.#outside(view.getUint16(6));
    this.#keep(opcode === 1 ? 17 : 6, internal, external, deletes);
    const head = [0, 0x80 | opcode, 0, 0, ...uint32(this.epoch)];
    const lifetime = uint32(deletes ? 0 : this.lifetime);
    return Uint8Array.of(
      ...head,
      internal >> 8,
      internal & 255,
      external >> 8,
      external & 255,
      ...lifetime,
    );
  }

  /** Ports that were shifted already are asked for again. */
  #outside(wanted: number): number {
    const isKnown = [...this.granted.values()].some(({ externalPort }) => externalPort === wanted);
    return isKnown ? wanted : wanted + this.shift;
  }

  #keep(protocol: number, internalPort: number, externalPort: number, deletes: boolean): void {
    const key = `${protocol} ${internalPort}`;
    if (deletes) this.granted.delete(key);
    else this.granted.set(key, { protocol, internalPort, externalPort, lifetime: this.lifetime });
  }
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** As `map 6 6881→6881 3600`. */
function pcpRequest(view: DataView): string {
  const ports = `${view.getUint16(40)}→${view.getUint16(42)}`;
  return `map ${view.getUint8(36)} ${ports} ${view.getUint32(4)}`;
}

function natPmpRequest(view: DataView): string {
  const opcode = view.getUint8(1);
  if (opcode === 0) return "address";
  const ports = `${view.getUint16(4)}→${view.getUint16(6)}`;
  return `map ${opcode === 1 ? 17 : 6} ${ports} ${view.getUint32(8)}`;
}
