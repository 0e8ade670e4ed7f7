/**
 * The test kit, `stolos/testing`: a whole cluster of real nodes in one process, on virtual time, for tests of
 * your own handlers. A minute of cluster takes a fraction of a second; the same seed gives the same run.
 *
 * ```ts
 * import { simulate } from "stolos/testing";
 *
 * await using cluster = simulate({ nodes: 5, seed: 7 });
 * cluster.handle(poll, (task, ctx) => pollOnce(task.input.url, ctx));
 * const handle = await cluster.submit(poll, { url: "https://example.com" }, { id: "poll-1" });
 * cluster.partition([0, 1], [2, 3, 4]);
 * await cluster.advance(10_000);
 * cluster.noOverlap();
 * ```
 *
 * @module
 */
export { simulate } from "./cluster.ts";
export type { SimulatedCluster } from "./cluster.ts";
export type { WaitOptions } from "./waiting.ts";
export type { SimulatedNodeOptions, SimulateOptions } from "./options.ts";
export type { RunEnd, TaskRun } from "./run-log.ts";
export { type Overlap, OverlapError } from "./overlaps.ts";
export { NotDoneError } from "./waiting.ts";
