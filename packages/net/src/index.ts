// TCP, UDP, DNS and HTTP for a BitTorrent engine: the only maker of sockets.
export { type ResolveOptions, resolve } from "./dns.ts";
export { NetError } from "./error.ts";
export {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpGetOptions,
  type HttpResponse,
} from "./http.ts";
export type {
  HttpHead,
  HttpStream,
  HttpStreamHandler,
  HttpStreamOptions,
} from "./http-stream.ts";
export {
  type MulticastInterface,
  multicastInterfaces,
  multicastSocket,
} from "./multicast.ts";
export { createNetwork, type Network, type NetworkOptions } from "./network.ts";
export { type TcpOptions, tcpTransport } from "./tcp.ts";
export { clock, deadlineDriver } from "./time.ts";
export { type UdpOptions, udpSocket } from "./udp.ts";
