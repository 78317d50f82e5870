// The few calls of the operating system that Node lacks, through koffi where it is installed.
import { constants } from "node:os";

/** Calls of the operating system. All but the last return undefined, or what went wrong (`ENOMEM`…). */
export interface Native {
  /** Keeps the memory's pages in RAM. Undefined where the system has no such call. */
  readonly lock: ((memory: Uint8Array) => string | undefined) | undefined;
  readonly unlock: ((memory: Uint8Array) => string | undefined) | undefined;
  /** Reserves space for the first `length` bytes of a file and makes it that long. Linux only. */
  readonly allocate: ((fd: number, length: number) => string | undefined) | undefined;
  /** Lets the system forget its copy of part of a file; 0 for `length` means to its end. Linux only. */
  readonly dropCached:
    | ((fd: number, position: number, length: number) => string | undefined)
    | undefined;
  /**
   * Where the file's next data begins, at `position` or after it; infinity if only a hole follows.
   * File systems that know no holes, and failures, make it `position`. Linux only.
   */
  readonly nextData: ((fd: number, position: number) => number) | undefined;
}

let loading: Promise<Native | undefined> | undefined;

/** @returns the same in each call of a thread; undefined where koffi is not installed or doesn't work. */
export function loadNative(): Promise<Native | undefined> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Native | undefined> {
  try {
    const koffi = await import("koffi");
    return process.platform === "win32" ? windows(koffi) : posix(koffi);
  } catch {
    return undefined;
  }
}

type Koffi = typeof import("koffi");
type Call<Args extends unknown[]> = (...args: Args) => number;

const DONTNEED = 4;
const SEEK_DATA = 3;

function posix(koffi: Koffi): Native {
  const { errno } = koffi;
  const lib = koffi.load(null);
  const lock: Call<[Uint8Array, number]> = lib.func("int mlock(const void *addr, size_t len)");
  const unlock: Call<[Uint8Array, number]> = lib.func("int munlock(const void *addr, size_t len)");
  const failed = (result: number): string | undefined =>
    result === 0 ? undefined : errorName(errno());
  const memory = {
    lock: (bytes: Uint8Array) => failed(lock(bytes, bytes.length)),
    unlock: (bytes: Uint8Array) => failed(unlock(bytes, bytes.length)),
  };
  if (process.platform !== "linux") {
    return { ...memory, allocate: undefined, dropCached: undefined, nextData: undefined };
  }
  const allocate: Call<[number, number, number, number]> = lib.func(
    "int fallocate64(int fd, int mode, int64_t offset, int64_t len)",
  );
  const advise: Call<[number, number, number, number]> = lib.func(
    "int posix_fadvise64(int fd, int64_t offset, int64_t len, int advice)",
  );
  const seek: Call<[number, number, number]> = lib.func(
    "int64_t lseek64(int fd, int64_t offset, int whence)",
  );
  return {
    ...memory,
    allocate: (fd, length) => failed(allocate(fd, 0, 0, length)),
    // Unlike the others it returns its error.
    dropCached: (fd, position, length) => {
      const error = advise(fd, position, length, DONTNEED);
      return error === 0 ? undefined : errorName(error);
    },
    // It moves the file's own position, which nobody uses.
    nextData: (fd, position) => {
      const found = seek(fd, position, SEEK_DATA);
      if (found >= 0) return found;
      return errno() === constants.errno.ENXIO ? Number.POSITIVE_INFINITY : position;
    },
  };
}

function windows(koffi: Koffi): Native {
  const lib = koffi.load("kernel32.dll");
  const lock: Call<[Uint8Array, number]> = lib.func(
    "int __stdcall VirtualLock(const void *addr, size_t size)",
  );
  const unlock: Call<[Uint8Array, number]> = lib.func(
    "int __stdcall VirtualUnlock(const void *addr, size_t size)",
  );
  const currentProcess: () => unknown = lib.func("void *__stdcall GetCurrentProcess()");
  const getSizes: (process: unknown, least: bigint[], most: bigint[]) => number = lib.func(
    "int __stdcall GetProcessWorkingSetSize(void *process, _Out_ size_t *least, _Out_ size_t *most)",
  );
  const setSizes: (process: unknown, least: number, most: number) => number = lib.func(
    "int __stdcall SetProcessWorkingSetSize(void *process, size_t least, size_t most)",
  );
  return {
    // No more can be locked than the smallest working set, so that grows first.
    lock: (bytes) => {
      const self = currentProcess();
      const least = [0n];
      const most = [0n];
      const known = getSizes(self, least, most) !== 0;
      const grow = (sizes: bigint[]): number => Number(sizes[0]) + bytes.length;
      if (known) setSizes(self, grow(least), grow(most));
      return lock(bytes, bytes.length) === 0 ? "ENOMEM" : undefined;
    },
    unlock: (bytes) => (unlock(bytes, bytes.length) === 0 ? "EINVAL" : undefined),
    allocate: undefined,
    dropCached: undefined,
    nextData: undefined,
  };
}

function errorName(errno: number): string {
  const known = Object.entries(constants.errno).find(([, value]) => value === errno);
  return known?.[0] ?? `errno ${errno}`;
}
