// A torrent's numbers as users see them.

import type { Connection } from "@shoal/swarm";
import { identifyClient } from "@shoal/wire";
import type { Life } from "./life.ts";
import type { Parts } from "./parts.ts";
import type { PeerInfo, TorrentProgress, TorrentStats } from "./types.ts";

export function progressOf(
  { state, checked }: Life,
  { content: { transfer, files }, swarm }: Parts,
  now: number,
): TorrentProgress {
  const downloadRate = transfer.totals.downloaded.rate(now);
  const left = files.wantedBytes - files.storedBytes;
  const share = files.wantedBytes === 0 ? 1 : files.storedBytes / files.wantedBytes;
  const known = transfer.hasMetadata ? share : 0;
  return {
    state,
    fraction: state === "checking" ? checked : known,
    downloaded: files.storedBytes,
    total: files.wantedBytes,
    piecesDone: transfer.picker.have.count,
    pieceCount: transfer.geometry.pieceCount,
    downloadRate,
    uploadRate: transfer.totals.uploaded.rate(now),
    peers: swarm.connections.size,
    etaSeconds:
      left === 0 && transfer.hasMetadata ? 0 : downloadRate > 0 ? left / downloadRate : undefined,
  };
}

export function statsOf({ content: { transfer }, swarm, lanes }: Parts): TorrentStats {
  const connections = [...swarm.connections.values()];
  const { known, banned } = swarm.census;
  return {
    received: transfer.totals.downloaded.total + transfer.totals.redundant,
    uploaded: transfer.totals.uploaded.total,
    redundant: transfer.totals.redundant,
    failed: transfer.totals.failed,
    peers: connections.length,
    webSeeds: lanes?.size ?? 0,
    seeds: connections.filter(({ have }) => have.isFull).length,
    halfOpen: swarm.size - connections.length,
    knownPeers: known,
    bannedPeers: banned,
    distributedCopies: transfer.picker.distributedCopies,
  };
}

export function peersOf({ swarm }: Parts, now: number): PeerInfo[] {
  return [...swarm.connections.values()].map((one) => peerInfoOf(one, now));
}

function peerInfoOf({ peer, have }: Connection, now: number): PeerInfo {
  const { address, port } = peer.remote;
  return {
    address,
    port,
    transport: peer.kind,
    incoming: peer.incoming,
    client: peer.extensions?.theirs?.client ?? identifyClient(peer.handshake.peerId),
    fraction: have.length === 0 ? 0 : have.count / have.length,
    downloadRate: peer.download.meter.rate(now),
    uploadRate: peer.upload.meter.rate(now),
    outstanding: peer.download.outstanding,
    amInterested: peer.download.interested,
    amChoking: peer.upload.choking,
    peerInterested: peer.upload.interested,
    peerChoking: peer.download.choked,
    snubbed: peer.snubbed,
  };
}
