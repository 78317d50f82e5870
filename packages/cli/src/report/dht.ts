// What the DHT commands report: plain data, the same for people and for programs.

/** One report of a DHT command. */
export type DhtReport =
  | PeerReport
  | PeersReport
  | AnnouncedReport
  | StoredReport
  | ItemReport
  | SampleReport
  | NodeReport
  | TrafficReport;

/** A peer was found. */
export interface PeerReport {
  readonly event: "peer";
  readonly address: string;
  readonly port: number;
}

/** All peers that could be found were reported. */
export interface PeersReport {
  readonly event: "peers";
  readonly infoHash: string;
  readonly count: number;
}

/** Nodes took an announce. */
export interface AnnouncedReport {
  readonly event: "announced";
  readonly infoHash: string;
  readonly port: number;
  /** How many. */
  readonly nodes: number;
}

/** Nodes took an item. */
export interface StoredReport {
  readonly event: "stored";
  /** Where it lies, in hex. */
  readonly target: string;
  readonly nodes: number;
  /** Of mutable items, in hex. */
  readonly publicKey?: string;
  readonly salt?: string | undefined;
  /** The version, in decimal: it may be beyond the integers of JSON's readers. */
  readonly seq?: string;
}

/** An item was found. */
export interface ItemReport {
  readonly event: "item";
  readonly target?: string;
  readonly publicKey?: string;
  readonly salt?: string | undefined;
  readonly seq?: string;
  /** The torrent that a mutable item names (BEP 46). */
  readonly infoHash?: string | undefined;
  /** The value, if it is a text. */
  readonly text: string | undefined;
  /** The value in bencoding, in hex. */
  readonly bencoded: string;
}

/** A node knows a torrent. */
export interface SampleReport {
  readonly event: "sample";
  readonly infoHash: string;
  /** Of the node. */
  readonly address: string;
  readonly port: number;
}

/** Our node runs. */
export interface NodeReport {
  readonly event: "node";
  /** Its sockets. */
  readonly addresses: readonly string[];
  /** One of each socket, in hex. */
  readonly ids: readonly string[];
}

/** How our node is doing; counters since it began. */
export interface TrafficReport {
  readonly event: "dht";
  /** Since it began. */
  readonly seconds: number;
  /** In its tables. */
  readonly nodes: number;
  /** Addresses under which others see it. */
  readonly external: readonly string[];
  readonly queriesAnswered: number;
  readonly queriesIgnored: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
  readonly datagramsDropped: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Torrents and peers announced to it, and items stored with it. */
  readonly torrents: number;
  readonly peers: number;
  readonly items: number;
}
