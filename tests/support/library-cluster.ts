/** Three real nodes of one process on loopback, for tests of the library. */
import { createNode } from "../../mod.ts";
import type { Node, NodeEventMap, NodeEventType, NodeOptions } from "../../mod.ts";

let clusterCount = 0;

/** Short leases, so that takeovers come soon; long enough for a busy machine. */
export const LEASE_TTL_MS = 2000;

export class LibraryCluster implements AsyncDisposable {
  readonly namespace: string = `library-${process.pid}-${clusterCount++}`;
  readonly nodes: Node[] = [];

  /** Nodes that are ready; `prepare` adds handlers before. */
  static async start(
    prepare: (node: Node) => void,
    options: NodeOptions = {},
    names: readonly string[] = ["a", "b", "c"],
  ): Promise<LibraryCluster> {
    const cluster = new LibraryCluster();
    for (const name of names) {
      const node = await createNode({
        namespace: cluster.namespace,
        name,
        expect: names.length,
        mdns: false,
        join: cluster.addresses,
        leaseTtlMs: LEASE_TTL_MS,
        ...options,
      });
      prepare(node);
      cluster.nodes.push(node);
    }
    await Promise.all(cluster.nodes.map((node) => node.ready({ signal: AbortSignal.timeout(60_000) })));
    return cluster;
  }

  get addresses(): string[] {
    return this.nodes.flatMap((node) => node.addresses);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop({ now: true })));
  }
}

/** The next event of a type that fits. */
export function nextEvent<K extends NodeEventType>(
  node: Node,
  type: K,
  fits: (detail: NodeEventMap[K]) => boolean = () => true,
): Promise<NodeEventMap[K]> {
  return new Promise((resolve) => {
    const listener = (event: CustomEvent<NodeEventMap[K]>): void => {
      if (!fits(event.detail)) return;
      node.removeEventListener(type, listener);
      resolve(event.detail);
    };
    node.addEventListener(type, listener);
  });
}

/** One attempt, as its handler saw it. */
export interface Seen {
  readonly task: string;
  readonly node: string;
  readonly fence: bigint;
  readonly startMs: number;
  /** When it ended or obeyed its signal; Infinity while it runs. */
  endMs: number;
}

/** Attempts at one task that were live at the same time. */
export function overlapsOf(seen: readonly Seen[]): string[] {
  const overlaps: string[] = [];
  for (const one of seen) {
    for (const other of seen) {
      if (one.task !== other.task || one.fence >= other.fence) continue;
      if (one.endMs > other.startMs) overlaps.push(`${one.task}: fence ${one.fence} and ${other.fence}`);
    }
  }
  return overlaps;
}
