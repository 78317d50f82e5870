// Metadata exchange (BEP 9): magnet links become torrents.
export {};
