// Local service discovery (BEP 14): finds peers in the local network.
export {};
