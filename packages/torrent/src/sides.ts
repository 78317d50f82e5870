// What each part sees of the torrent around it.
import type { DhtLink, Emitter, Endpoint } from "@shoal/core";
import type { Metainfo } from "@shoal/metainfo";
import type { Peer } from "@shoal/peer";
import type { PeerOrigin, RateLimit } from "@shoal/policy";
import type { Connection, ExtensionsHost, Swarm, SwarmHost } from "@shoal/swarm";
import type { ExtendedHandshake, Handshake, HandshakeFeatures } from "@shoal/wire";
import type { Content, ContentHost } from "./content.ts";
import type { TorrentInit } from "./init.ts";
import type { Lanes } from "./lanes.ts";
import type { SourcesHost } from "./sources.ts";
import type { TorrentEvents, TorrentProgress } from "./types.ts";

/** What the parts ask of their torrent, and tell it. */
export interface PartsHost extends Pick<ContentHost, "pieceStored" | "diskFailed" | "dataLost"> {
  readonly events: Emitter<TorrentEvents>;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Undefined until it is known. */
  readonly metainfo: Metainfo | undefined;
  /** By tier. */
  readonly trackers: readonly (readonly string[])[];
  /** Connections are wanted. */
  readonly isActive: boolean;
  readonly progress: TorrentProgress;
  /** An info dictionary came from peers. @returns whether it is the torrent's. */
  metadataArrived(infoBytes: Uint8Array): boolean;
}

/** All that the sides are cut from. */
export interface Surroundings {
  readonly init: TorrentInit;
  readonly host: PartsHost;
  readonly limits: { readonly download: RateLimit; readonly upload: RateLimit };
  readonly swarm: Swarm;
  readonly lanes: Lanes | undefined;
  readonly content: Content;
  /** BEP 27. */
  readonly isPrivate: boolean;
  /** Our DHT node; undefined for private torrents too. */
  readonly dht: DhtLink | undefined;
}

/** What the swarm sees; also our handshake, whose features depend on what is known of the torrent. */
export class SwarmSide implements SwarmHost, Handshake {
  readonly #parts: Surroundings;

  constructor(parts: Surroundings) {
    this.#parts = parts;
  }

  get handshake(): Handshake {
    return this;
  }

  get infoHash(): Uint8Array {
    return this.#parts.host.infoHash;
  }

  get peerId(): Uint8Array {
    return this.#parts.init.peerId;
  }

  get features(): HandshakeFeatures {
    return { fast: true, extended: true, dht: this.dht !== undefined, v2: false };
  }

  get isPrivate(): boolean {
    return this.#parts.isPrivate;
  }

  get dht(): DhtLink | undefined {
    return this.#parts.dht;
  }

  get isActive(): boolean {
    return this.#parts.host.isActive;
  }

  get downloadLimit(): RateLimit {
    return this.#parts.limits.download;
  }

  get uploadLimit(): RateLimit {
    return this.#parts.limits.upload;
  }

  isTaken(id: number): boolean {
    return this.#parts.lanes?.get(id) !== undefined;
  }

  connected({ peer }: Connection): void {
    this.#parts.host.events.emit("connected", peer.remote);
  }

  disconnected({ peer }: Connection, error: Error | undefined): void {
    this.#parts.host.events.emit("disconnected", { ...peer.remote, error });
  }

  ticked(): void {
    const { host } = this.#parts;
    if (host.events.hasListeners("progress")) host.events.emit("progress", host.progress);
  }
}

/** What extensions see. */
export class ExtensionsSide implements ExtensionsHost {
  readonly #parts: Surroundings;

  constructor(parts: Surroundings) {
    this.#parts = parts;
  }

  get infoHash(): Uint8Array {
    return this.#parts.host.infoHash;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#parts.host.metainfo?.infoBytes;
  }

  get isPrivate(): boolean {
    return this.#parts.isPrivate;
  }

  get isFinished(): boolean {
    return this.#parts.content.transfer.isFinished;
  }

  connections(): Iterable<Connection> {
    return this.#parts.swarm.connections.values();
  }

  found(peers: Iterable<Endpoint>): void {
    this.#parts.swarm.found(peers, "pex");
  }

  learned(peer: Peer, { listenPort }: ExtendedHandshake): void {
    this.#parts.swarm.learned(peer, listenPort);
  }

  metadataArrived(infoBytes: Uint8Array): boolean {
    return this.#parts.host.metadataArrived(infoBytes);
  }

  warn(error: Error): void {
    this.#parts.host.events.emit("warning", error);
  }
}

/** What peer sources see. */
export class SourcesSide implements SourcesHost {
  readonly #parts: Surroundings;

  constructor(parts: Surroundings) {
    this.#parts = parts;
  }

  get infoHash(): Uint8Array {
    return this.#parts.host.infoHash;
  }

  get peerId(): Uint8Array {
    return this.#parts.init.peerId;
  }

  get isPrivate(): boolean {
    return this.#parts.isPrivate;
  }

  get trackers(): readonly (readonly string[])[] {
    return this.#parts.host.trackers;
  }

  get nodes(): readonly { readonly host: string; readonly port: number }[] {
    return this.#parts.init.origin.nodes;
  }

  transfer(): { uploaded: number; downloaded: number; left: number | undefined } {
    const { transfer, files } = this.#parts.content;
    const left = transfer.isFinished ? 0 : files.wantedBytes - files.storedBytes;
    return {
      uploaded: transfer.totals.uploaded.total,
      downloaded: transfer.totals.downloaded.total,
      left: transfer.hasMetadata ? left : undefined,
    };
  }

  found(peers: readonly Endpoint[], origin: PeerOrigin): void {
    this.#parts.swarm.found(peers, origin);
  }

  warn(error: Error): void {
    this.#parts.host.events.emit("warning", error);
  }
}
