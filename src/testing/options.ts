/** The options of a simulated cluster, checked. */
import { boolean, checkKnown, integer, shown } from "../base/arguments.ts";
import { type NodeOptions, type NodeSettings, nodeSettings } from "../node/options.ts";
import type { Range } from "./network.ts";

/** The options that a simulated node takes; its place, name and network are the cluster's business. */
export type SimulatedNodeOptions = Omit<NodeOptions, (typeof OWN)[number]>;

export interface SimulateOptions {
  /**
   * How many; the cluster is founded with all of them.
   * @default 3
   */
  readonly nodes?: number;
  /**
   * Decides everything that chance decides: the same seed gives the same run, on every runtime.
   * @default 1
   */
  readonly seed?: number;
  /**
   * Options of every node, or a function that gives those of the node with an index. `partitions` is 16
   * unless said otherwise: fewer than in production, for a simulation that starts several times faster.
   * @default {}
   */
  readonly options?: SimulatedNodeOptions | ((node: number) => SimulatedNodeOptions);
  /**
   * How long a message is on its way: drawn between the two, in ms.
   * @default { min: 0.5, max: 3 }
   */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /**
   * Inside handlers, timers (`setTimeout` and its like, `AbortSignal.timeout`) and clocks (`Date`,
   * `performance.now`) are virtual. Everywhere else, in the test too, they stay the runtime's.
   * @default true
   */
  readonly globals?: boolean;
  /**
   * What the nodes' clocks show at first.
   * @default 2027-01-15T08:00:00Z
   */
  readonly startAt?: Date;
}

interface SimulateSettings {
  readonly seed: number;
  readonly nodes: readonly NodeSettings[];
  readonly latencyMs: Range;
  readonly globals: boolean;
  readonly startMs: number;
}

const OWN = ["namespace", "name", "listen", "join", "announce", "mdns", "expect", "coordinator"] as const;
const KNOWN = ["nodes", "seed", "options", "latencyMs", "globals", "startAt"];
const ATTEMPT = "simulate a cluster";
const NODES_MAX = 50;
const PARTITIONS = 16;
const START_MS = 1_800_000_000_000;

/** @throws TypeError, RangeError that name the option, what it must be and what it is */
export function simulateSettings(options: SimulateOptions): SimulateSettings {
  checkKnown(ATTEMPT, options, KNOWN);
  const nodeCount = integer(ATTEMPT, "nodes", options.nodes, { min: 1, max: NODES_MAX, default: 3 });
  return {
    seed: integer(ATTEMPT, "seed", options.seed, { min: 0, max: 2 ** 32 - 1, default: 1 }),
    nodes: Array.from({ length: nodeCount }, (_, no) => settingsOf(options.options, no, nodeCount)),
    latencyMs: latencyOf(options.latencyMs),
    globals: boolean(ATTEMPT, "globals", options.globals, true),
    startMs: startOf(options.startAt),
  };
}

function settingsOf(given: SimulateOptions["options"], no: number, nodeCount: number): NodeSettings {
  const options = (typeof given === "function" ? given(no) : given) ?? {};
  for (const key of OWN) {
    if (Object.hasOwn(options, key)) {
      throw new TypeError(
        `Cannot ${ATTEMPT}: options.${key} is the cluster's business, got ${
          shown((options as NodeOptions)[key])
        }`,
      );
    }
  }
  return nodeSettings({ partitions: PARTITIONS, ...options, name: `node-${no}`, expect: nodeCount });
}

function latencyOf(value: unknown): Range {
  if (value === undefined) return { min: 0.5, max: 3 };
  const { min, max } = (typeof value === "object" && value !== null ? value : {}) as Partial<Range>;
  if (typeof min === "number" && typeof max === "number" && min >= 0 && max >= min && max < Infinity) {
    return { min, max };
  }
  throw new TypeError(
    `Cannot ${ATTEMPT}: latencyMs must be { min, max }, 0 <= min <= max, got ${shown(value)}`,
  );
}

function startOf(value: unknown): number {
  if (value === undefined) return START_MS;
  if (value instanceof Date && value.getTime() > 0) return value.getTime();
  throw new TypeError(`Cannot ${ATTEMPT}: startAt must be a Date after 1970, got ${shown(value)}`);
}
