// Mapping by PCP, and by NAT-PMP at gateways that know only that; both over one port.
import { type Datagrams, type Endpoint, equalBytes } from "@shoal/core";
import { ask } from "./ask.ts";
import { type Epoch, keptState } from "./epoch.ts";
import { PortMapError } from "./error.ts";
import {
  type Gateway,
  LIFETIME,
  type Mapping,
  type MapRequest,
  type Method,
  type MethodHost,
} from "./method.ts";
import {
  decodeNatPmp,
  encodeNatPmpAddress,
  encodeNatPmpMap,
  NAT_PMP_RESULTS,
  type NatPmpAnswer,
} from "./nat-pmp.ts";
import { decodePcpMap, encodePcpMap, PCP_PORT, PCP_RESULTS } from "./pcp.ts";

/** In ms. RFC 6886 §3.1 begins so and goes on for a minute; a gateway on our own wire needs none. */
const WAITS: readonly number[] = [250, 500, 1000, 2000];

/** Which of the two may be spoken; at least one. */
export interface PcpVersions {
  readonly pcp: boolean;
  readonly natPmp: boolean;
}

/** Either protocol's answer to a request. */
type Grant = Pick<Mapping, "via" | "externalAddress" | "externalPort" | "lifetime">;

/**
 * Asks the gateway at its address, and believes answers from there alone. A socket lives no longer
 * than a question.
 */
export class PcpMethod implements Method {
  onStateLost: (() => void) | undefined;
  readonly #host: MethodHost;
  readonly #gateway: Gateway;
  readonly #server: Endpoint;
  /** RFC 6886 knows IPv4 only. */
  readonly #mayFallBack: boolean;
  #speaksPcp: boolean;
  #epoch: Epoch | undefined;

  /** @param address That of the gateway. */
  constructor(host: MethodHost, gateway: Gateway, address: string, versions: PcpVersions) {
    this.#host = host;
    this.#gateway = gateway;
    this.#server = { address, port: PCP_PORT };
    this.#mayFallBack = versions.natPmp && !address.includes(":");
    this.#speaksPcp = versions.pcp;
  }

  map(request: MapRequest, signal: AbortSignal): Promise<Mapping> {
    return this.#withSocket(async (socket) => {
      try {
        return this.#checked(request, await this.#request(socket, request, LIFETIME, signal));
      } catch (error) {
        // It may be granted all the same, and nobody would renew it.
        if (signal.aborted) socket.send(this.#message(request, 0), this.#server);
        throw error;
      }
    });
  }

  unmap(request: MapRequest, signal: AbortSignal): Promise<void> {
    return this.#withSocket(async (socket) => {
      await this.#request(socket, request, 0, signal);
    });
  }

  get #about(): string {
    return `${this.#speaksPcp ? "PCP" : "NAT-PMP"} at ${this.#server.address}`;
  }

  async #withSocket<T>(use: (socket: Datagrams) => Promise<T>): Promise<T> {
    const socket = await this.#host.udp({ address: this.#gateway.local, port: 0 });
    try {
      return await use(socket);
    } finally {
      await socket.close();
    }
  }

  async #request(
    socket: Datagrams,
    request: MapRequest,
    lifetime: number,
    signal: AbortSignal,
  ): Promise<Grant> {
    if (this.#speaksPcp) {
      const grant = await this.#byPcp(socket, request, lifetime, signal);
      if (grant !== "version") return grant;
      if (!this.#mayFallBack) throw this.#refused(PCP_RESULTS[1], 0);
      this.#speaksPcp = false;
      this.#epoch = undefined;
    }
    return this.#byNatPmp(socket, request, lifetime, signal);
  }

  async #byPcp(
    socket: Datagrams,
    request: MapRequest,
    lifetime: number,
    signal: AbortSignal,
  ): Promise<Grant | "version"> {
    const answer = await this.#ask(socket, this.#message(request, lifetime), signal, (bytes) => {
      const read = decodePcpMap(bytes);
      if (read === undefined || read === "version") return read;
      const isOurs =
        equalBytes(read.nonce, request.nonce) &&
        read.protocol === request.protocol &&
        read.internalPort === request.port;
      return isOurs ? read : undefined;
    });
    if (answer === "version") return answer;
    this.#saw(answer.epoch);
    const { result } = answer;
    if (result === 0) return { ...answer, via: "pcp" };
    throw this.#refused(PCP_RESULTS[result] ?? `code ${result}`, answer.lifetime);
  }

  async #byNatPmp(
    socket: Datagrams,
    request: MapRequest,
    lifetime: number,
    signal: AbortSignal,
  ): Promise<Grant> {
    const message = this.#message(request, lifetime);
    const granted = await this.#askNatPmp(socket, message, request.port, signal);
    const { externalPort, lifetime: seconds } = granted.kind === "mapping" ? granted : NOTHING;
    const grant = { via: "nat-pmp", externalPort, lifetime: seconds } as const;
    if (lifetime === 0) return { ...grant, externalAddress: undefined };
    try {
      const told = await this.#askNatPmp(socket, encodeNatPmpAddress(), 0, signal);
      return { ...grant, externalAddress: told.kind === "address" ? told.address : undefined };
    } catch {
      signal.throwIfAborted();
      // The grant stands whether the gateway tells its address or not.
      return { ...grant, externalAddress: undefined };
    }
  }

  /** @param port Of ours, if that is what is asked about. */
  async #askNatPmp(
    socket: Datagrams,
    message: Uint8Array,
    port: number,
    signal: AbortSignal,
  ): Promise<NatPmpAnswer> {
    const answer = await this.#ask(socket, message, signal, (bytes) => {
      const read = decodeNatPmp(bytes, message[1] ?? 0);
      return read?.kind === "mapping" && read.internalPort !== port ? undefined : read;
    });
    this.#saw(answer.epoch);
    if (answer.kind !== "failure") return answer;
    throw this.#refused(NAT_PMP_RESULTS[answer.result] ?? `code ${answer.result}`, 0);
  }

  #message(request: MapRequest, lifetime: number): Uint8Array {
    const { protocol, port: internalPort, nonce, externalAddress } = request;
    // A deletion names the inside alone (RFC 6887 §15, RFC 6886 §3.4).
    const externalPort = lifetime === 0 ? 0 : request.externalPort;
    const wanted = { protocol, internalPort, externalPort, lifetime };
    if (!this.#speaksPcp) return encodeNatPmpMap(wanted);
    const client = this.#gateway.local;
    return encodePcpMap(
      lifetime === 0 ? { ...wanted, client, nonce } : { ...wanted, client, nonce, externalAddress },
    );
  }

  #ask<T>(
    socket: Datagrams,
    message: Uint8Array,
    signal: AbortSignal,
    read: (bytes: Uint8Array) => T | undefined,
  ): Promise<T> {
    const { address, port } = this.#server;
    const isServer = (from: Endpoint): boolean => from.address === address && from.port === port;
    return ask(
      this.#host,
      socket,
      {
        message,
        to: [this.#server],
        waits: WAITS,
        about: this.#about,
        read: (bytes, from) => (isServer(from) ? read(bytes) : undefined),
      },
      signal,
    );
  }

  #checked({ protocol, port }: MapRequest, grant: Grant): Mapping {
    const { via, externalAddress, externalPort, lifetime } = grant;
    if (externalPort === 0 || lifetime === 0) {
      throw new PortMapError(
        "ERR_PORTMAP_BAD_ANSWER",
        `${this.#about} grants port ${externalPort} for ${lifetime} seconds, which is nothing`,
      );
    }
    const gateway = this.#gateway;
    return { protocol, port, via, gateway, externalAddress, externalPort, lifetime };
  }

  #saw(shown: number): void {
    const before = this.#epoch;
    this.#epoch = { shown, at: this.#host.clock.now() };
    if (before !== undefined && !keptState(before, this.#epoch)) this.onStateLost?.();
  }

  #refused(why: string | undefined, retryAfter: number): PortMapError {
    const message = `${this.#about} refuses: ${why}`;
    return new PortMapError("ERR_PORTMAP_REFUSED", message, { retryAfter });
  }
}

const NOTHING = { externalPort: 0, lifetime: 0 };
