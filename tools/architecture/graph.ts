// Graphs of files and packages: what is reachable, and where a cycle is.

/** Node → the nodes that it points to. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** All nodes that can be reached from `roots`, those included. */
export function reachable(graph: Graph, roots: Iterable<string>): Set<string> {
  const seen = new Set(roots);
  for (const node of seen) {
    for (const next of graph.get(node) ?? []) seen.add(next);
  }
  return seen;
}

/** Cycles, one for each group of nodes that can reach each other; first node repeated at the end. */
export function cycles(graph: Graph): string[][] {
  const found: string[][] = [];
  const inCycle = new Set<string>();
  for (const start of [...graph.keys()].sort()) {
    if (inCycle.has(start)) continue;
    const path = pathBack(graph, start);
    if (path === undefined) continue;
    found.push(path);
    const from = reachable(graph, [start]);
    for (const node of from) {
      if (reachable(graph, [node]).has(start)) inCycle.add(node);
    }
  }
  return found;
}

/** The shortest path from a node back to itself. */
function pathBack(graph: Graph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return [...trace(cameFrom, start, node), start];
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return undefined;
}

function trace(cameFrom: ReadonlyMap<string, string>, start: string, end: string): string[] {
  const path = [end];
  for (let node = end; node !== start; ) {
    node = cameFrom.get(node) ?? start;
    path.unshift(node);
  }
  return path;
}
