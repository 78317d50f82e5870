// HTTP seeds (BEP 19, BEP 17): web servers as sources of payload.
export {};
