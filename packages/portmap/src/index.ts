// Port mapping by UPnP, NAT-PMP and PCP, with leases renewed and removed.
export {};
