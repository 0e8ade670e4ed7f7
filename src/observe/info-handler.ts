/**
 * Metafora's info handler: what a node runs, as JSON, for whichever server the program has: Bun.serve,
 * Deno.serve, or anything else that turns a Request into a Response. It asks the node alone, so it answers
 * while handlers hang.
 */
import type { Node } from "../node/node-api.ts";
import type { NodeState } from "../node/stats.ts";

/** What the handler answers. Times are ISO 8601. */
export interface NodeReport {
  readonly node: string;
  readonly name: string;
  readonly state: NodeState;
  readonly frozen: boolean;
  /** When the handler was made. */
  readonly started: string;
  readonly tasks: readonly {
    readonly id: string;
    readonly name: string;
    /** Decimal. */
    readonly fence: string;
    readonly attempt: number;
    readonly started: string;
    /** When its handler's signal aborted; null before that. */
    readonly stopped: string | null;
  }[];
}

/** Answers every request the same. */
export function infoHandler(node: Node): (request?: Request) => Response {
  const started = new Date().toISOString();
  return () => {
    const tasks = node.tasks().map(({ id, name, fence, attempt, started, stopped }) => ({
      ...{ id, name, fence: String(fence), attempt },
      started: started.toISOString(),
      stopped: stopped?.toISOString() ?? null,
    }));
    const { id, name, state, frozen } = node;
    const report: NodeReport = { node: id, name, state, frozen, started, tasks };
    return Response.json(report);
  };
}
