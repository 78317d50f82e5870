// Web seeds as a service of a session: binds them to the HTTP client.
import type { BlockSource } from "@shoal/core";
import type { HttpClient } from "@shoal/net";
import { createWebSeedSource } from "@shoal/webseed";
import type { ServiceHost } from "../init.ts";

/** @param http Not closed by the service. */
export function webSeedService(http: HttpClient): (host: ServiceHost) => BlockSource {
  return ({ clock, deadlines, rng, clientName }) =>
    createWebSeedSource({ clock, deadlines, rng, userAgent: clientName, http });
}
