// The two parts of undici that are used, loaded when the first connection needs them.
import { createRequire } from "node:module";
import type { Agent, buildConnector } from "undici";

// undici's index also brings fetch, WebSocket, caches and mocks: 12 MiB of memory and 30 ms of start
// that nothing here needs. The package has no `exports` field, so its files can be named.
const require = createRequire(import.meta.url);
let AgentClass: typeof Agent | undefined;

export function createAgent(options: Agent.Options): Agent {
  AgentClass ??= loadAgent();
  return new AgentClass(options);
}

export function createConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect: typeof buildConnector = require("undici/lib/core/connect.js");
  return connect(options);
}

/** Requests are methods that the index puts onto the dispatcher's prototype. */
function loadAgent(): typeof Agent {
  const loaded: typeof Agent = require("undici/lib/dispatcher/agent.js");
  const api: Pick<Agent, "request"> = require("undici/lib/api/index.js");
  Object.assign(loaded.prototype, { request: api.request });
  return loaded;
}
