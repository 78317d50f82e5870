// Where disk threads find a module of this package, as sources and when built.

/** @param self `import.meta.url` of whoever asks, whose neighbour the module is. */
export function moduleUrl(self: string, name: string): string {
  return new URL(`./${name}.${self.endsWith(".ts") ? "ts" : "js"}`, self).href;
}
