// One request to a gateway's web server and its answer, over a connection of its own, bounded.
import { type Duplex, type Endpoint, formatEndpoint } from "@shoal/core";
import { PortMapError } from "./error.ts";
import { HttpAnswer } from "./http-answer.ts";
import type { MethodHost } from "./method.ts";

/** Ms for connecting and everything else. */
const TIMEOUT_MS = 5000;

/** What is sent. */
export interface HttpQuestion {
  /** Plain HTTP at an IP address: nothing is resolved. */
  readonly url: URL;
  /** A POST of this text, with these fields; else it is a GET. */
  readonly post?: { readonly fields: Readonly<Record<string, string>>; readonly body: string };
}

/** What came back. */
export interface HttpExchange {
  readonly status: number;
  readonly body: string;
  /** Our address, as the server sees it. */
  readonly local: string;
}

/**
 * Asks once, following no redirect. HTTP/1.0, so that answers end with the connection.
 *
 * @param address The URL's host.
 * @throws PortMapError `ERR_PORTMAP_UNANSWERED`, `ERR_PORTMAP_BAD_ANSWER`; the signal's reason.
 */
export async function exchangeHttp(
  host: Pick<MethodHost, "clock" | "deadlines" | "tcp">,
  address: string,
  question: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpExchange> {
  const remote: Endpoint = { address, port: Number(question.url.port || 80) };
  const about = `UPnP at ${formatEndpoint(remote)}`;
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  const alarm = host.deadlines.alarm(() => {
    stop.abort(new PortMapError("ERR_PORTMAP_UNANSWERED", `${about} takes too long`));
  });
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  alarm.set(host.clock.now() + TIMEOUT_MS);
  try {
    const duplex = await dial(host, remote, about, stop.signal);
    const answer = await converse(duplex, encode(question, remote), about, stop.signal);
    return { ...answer, local: duplex.local.address };
  } finally {
    alarm.clear();
    signal.removeEventListener("abort", abort);
  }
}

async function dial(
  { tcp }: Pick<MethodHost, "tcp">,
  to: Endpoint,
  about: string,
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    return await tcp.dial(to, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new PortMapError("ERR_PORTMAP_UNANSWERED", `${about} can't be reached`, { cause });
  }
}

function converse(
  duplex: Duplex,
  request: Uint8Array,
  about: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const answer = new HttpAnswer();
    const finish = (): void => {
      signal.removeEventListener("abort", abort);
      duplex.destroy();
      if (answer.isComplete) resolve(answer.read());
      else reject(new PortMapError("ERR_PORTMAP_BAD_ANSWER", `${about} sends no proper HTTP`));
    };
    const abort = (): void => {
      reject(signal.reason);
      duplex.destroy();
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    duplex.attach({
      received: (chunk) => {
        answer.receive(chunk);
        if (answer.isComplete || answer.isBroken) finish();
      },
      flushed: () => {},
      closed: () => {
        answer.end();
        finish();
      },
    });
    duplex.write([request]);
  });
}

function encode({ url, post }: HttpQuestion, remote: Endpoint): Uint8Array {
  const utf8 = new TextEncoder();
  const fields = { host: formatEndpoint(remote), connection: "close", ...post?.fields };
  const length = post === undefined ? {} : { "content-length": utf8.encode(post.body).length };
  const head = Object.entries({ ...fields, ...length }).map(([name, value]) => `${name}: ${value}`);
  const method = post === undefined ? "GET" : "POST";
  // The path is percent-encoded by URL, so that it holds no line break.
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.0`, ...head, "", post?.body ?? ""];
  return utf8.encode(lines.join("\r\n"));
}
