// Peer exchange (BEP 11): peers tell each other of peers.
export {};
