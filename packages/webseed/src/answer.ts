// What a server's answer means: whether its body is what was asked for.
import { WebSeedError } from "./error.ts";
import type { WebSeedHead } from "./host.ts";

/** The bytes that were asked for. */
export interface Wish {
  /** Its URL for users. */
  readonly name: string;
  /** The first one, in the file or piece. */
  readonly start: number;
  readonly length: number;
  /** Of the whole file. */
  readonly fileLength: number;
}

/** What to do with an answer. */
export type Verdict =
  /** The body is what was asked for, if it has the length. */
  | { readonly what: "take" }
  /** The server does not have this file. */
  | { readonly what: "lacks"; readonly error: WebSeedError }
  /** As `fail`, and the body says for how many seconds. */
  | { readonly what: "wait"; readonly error: WebSeedError }
  /** Something is wrong that may pass. @param retryAfter In seconds. */
  | {
      readonly what: "fail";
      readonly error: WebSeedError;
      readonly retryAfter?: number | undefined;
    };

/** Judges the answer to a request for a range of a file. */
export function judgeFile(wish: Wish, head: WebSeedHead): Verdict {
  const { name, start, length, fileLength } = wish;
  const { status, headers } = head;
  if (LACKING.has(status)) {
    return { what: "lacks", error: statusError(name, status) };
  }
  if (status !== 200 && status !== 206) {
    return { what: "fail", error: statusError(name, status), retryAfter: head.retryAfter };
  }
  const wrong = badBody(wish, head);
  if (status === 200) {
    if (start === 0 && length === fileLength && wrong === undefined) return TAKE;
    // To ask again would only bring the same.
    const error = rangeError(
      `${name} ignored that bytes ${start}–${start + length - 1} were asked`,
    );
    return { what: "lacks", error };
  }
  const range = headers["content-range"] ?? "none";
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(range) ?? [];
  if (total !== undefined && total !== "*" && Number(total) !== fileLength) {
    const error = rangeError(`${name} has ${total} bytes, the torrent's file ${fileLength}`);
    return { what: "lacks", error };
  }
  if (Number(first) !== start || Number(last) !== start + length - 1) {
    const asked = `bytes ${start}-${start + length - 1}/${fileLength}`;
    return { what: "fail", error: rangeError(`${name} sent '${range}' when asked for ${asked}`) };
  }
  return wrong === undefined ? TAKE : { what: "fail", error: wrong };
}

/** Judges the answer of a script (BEP 17). */
export function judgeScript(wish: Wish, head: WebSeedHead): Verdict {
  if (head.status !== 200) {
    const error = statusError(wish.name, head.status);
    if (head.status === 503 && head.retryAfter === undefined) return { what: "wait", error };
    return { what: "fail", error, retryAfter: head.retryAfter };
  }
  const wrong = badBody(wish, head);
  return wrong === undefined ? TAKE : { what: "fail", error: wrong };
}

const TAKE: Verdict = { what: "take" };

/** Statuses by which a server says that it will not give this file, or not of that size. */
const LACKING: ReadonlySet<number> = new Set([401, 403, 404, 410, 416, 451]);

function badBody({ name, length }: Wish, { headers }: WebSeedHead): WebSeedError | undefined {
  const coding = headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "") {
    const message = `${name} sent its data in '${coding}', which was not asked for`;
    return new WebSeedError("ERR_WEBSEED_ENCODING", message);
  }
  const size = headers["content-length"];
  if (size === undefined || Number(size) === length) return undefined;
  return rangeError(`${name} announced ${size} bytes when asked for ${length}`);
}

function statusError(name: string, status: number): WebSeedError {
  return new WebSeedError("ERR_WEBSEED_STATUS", `${name} answered with status ${status}`);
}

function rangeError(message: string): WebSeedError {
  return new WebSeedError("ERR_WEBSEED_RANGE", message);
}
