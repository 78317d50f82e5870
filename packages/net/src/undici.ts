// The two parts of undici that are used, without the index that would load all of it.
import { createRequire } from "node:module";
import type { Agent, buildConnector } from "undici";

// undici's index also brings fetch, WebSocket, caches and mocks: 12 MiB of memory and 30 ms of start
// that nothing here needs. The package has no `exports` field, so its files can be named.
const require = createRequire(import.meta.url);
const AgentClass = require("undici/lib/dispatcher/agent.js") as typeof Agent;
const buildConnect = require("undici/lib/core/connect.js") as typeof buildConnector;
const api = require("undici/lib/api/index.js") as Pick<Agent, "request">;

// Requests are methods that the index puts onto the dispatcher's prototype.
Object.assign(AgentClass.prototype, { request: api.request });

export function createAgent(options: Agent.Options): Agent {
  return new AgentClass(options);
}

export function createConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  return buildConnect(options);
}
