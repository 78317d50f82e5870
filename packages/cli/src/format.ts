// Numbers and foreign texts as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `0 B`, `16.0 KiB`, `1.50 MiB`: three digits and a binary unit. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 and more would be shown as four digits.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** @param bytesPerSecond `1.50 MiB/s` */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** `0:07`, `12:34`, `1:02:03`, `5 d 3 h`, rounded up; `∞` for what can't be said. */
export function formatDuration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "∞";
  const whole = Math.ceil(seconds);
  const days = Math.floor(whole / 86_400);
  if (days > 0) return `${days} d ${Math.floor((whole % 86_400) / 3600)} h`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** `45.2 %`, rounded down so that 100 % means all. */
export function formatPercent(fraction: number): string {
  return `${(Math.floor(fraction * 1000) / 10).toFixed(1)} %`;
}

/** `1 file`, `2 files`. */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Ascending numbers with runs drawn together: `0–3, 7`; what is beyond `most` runs is counted. */
export function formatRuns(numbers: readonly number[], most = 20): string {
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run.last === number - 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  const shown = runs
    .slice(0, most)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  if (runs.length > most) shown.push(`… (${runs.length - most} more)`);
  return shown.join(", ");
}

/** A text from strangers without what would move the cursor or turn the direction of writing. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\u{fffd}");
}
