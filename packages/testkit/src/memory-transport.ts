// Two connected transports without a simulation around them, for unit tests.
import { createRng, type Transport } from "@shoal/core";
import { createNetwork } from "./network.ts";
import { VirtualTime } from "./virtual-time.ts";

/**
 * Two hosts, `10.0.0.1` and `10.0.0.2`, and nothing between them. It runs by itself, one event per
 * turn of the event loop; when all is quiet it takes no time at all until the next thing happens,
 * be it the end of a stream's patience.
 */
export function memoryTransport(): readonly [Transport, Transport] {
  const time = new VirtualTime();
  const network = createNetwork(time, createRng(0), () => {});
  let isRunning = false;
  const run = (): void => {
    time.step();
    isRunning = time.next() !== undefined;
    if (isRunning) setImmediate(run);
  };
  time.deadlines.onEarlier = () => {
    if (isRunning) return;
    isRunning = true;
    setImmediate(run);
  };
  return [network.host("10.0.0.1").transport(), network.host("10.0.0.2").transport()];
}
