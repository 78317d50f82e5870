// When V8 compiles what runs often.
import { setFlagsFromString } from "node:v8";

/**
 * Leaves V8's last compiler, TurboFan, what has run 300,000 times, where by default 3,000 are enough.
 *
 * Transfers spend their time in the system and in hashes: what the compiler before it, Maglev, makes
 * of our code is as fast, and TurboFan takes a tenth of the CPU of the first gigabytes. To be called
 * when all is loaded, for V8 reads compiled code of Node's only under the flags that it began with.
 */
export function compileLate(): void {
  // Older versions don't know the flag, and say so on stderr.
  if (Number.parseInt(process.versions.node, 10) < 24) return;
  setFlagsFromString("--invocation-count-for-turbofan=300000");
}
