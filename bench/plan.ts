/** What shall be measured: the command line of main.ts, checked. */
import { parseArgs } from "node:util";
import type { Runtime } from "./child.ts";

export const WORKLOADS = ["w1", "w2", "w3", "w4", "durable", "soak"] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface Plan {
  readonly workload: Workload;
  /** Runs of each side, in turn. */
  readonly pairs: number;
  /** Tasks of one run. */
  readonly taskCount: number;
  /** Of w1, before each run: what it costs is not counted. */
  readonly warmUpCount: number;
  /** Of the soak, and of the look for false takeovers. */
  readonly minutes: number;
  readonly asJson: boolean;
  readonly isOursOnly: boolean;
  /** Into docs/benchmarks.md. */
  readonly isWritten: boolean;
  readonly profileDir: string | null;
  readonly runtime: Runtime;
}

const DEFAULTS: Readonly<Record<Workload, { pairs: number; tasks: number; minutes: number }>> = {
  w1: { pairs: 5, tasks: 60_000, minutes: 0 },
  w2: { pairs: 3, tasks: 1000, minutes: 0 },
  w3: { pairs: 10, tasks: 300, minutes: 5 },
  w4: { pairs: 1, tasks: 100_000, minutes: 1 },
  durable: { pairs: 3, tasks: 3000, minutes: 0 },
  soak: { pairs: 1, tasks: 20_000, minutes: 20 },
};
const WARM_UP_TASKS = 30_000;
const RUNTIMES: readonly string[] = ["node", "bun", "deno"];

/** @throws Error that says what is wrong with the arguments */
export function planOf(args: readonly string[]): Plan {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pairs: { type: "string" },
      tasks: { type: "string" },
      "warm-up": { type: "string" },
      minutes: { type: "string" },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      "ours-only": { type: "boolean", default: false },
      profile: { type: "string" },
      runtime: { type: "string", default: "node" },
    },
  });
  const [name = "w1", ...more] = positionals;
  const workload = WORKLOADS.find((each) => each === name);
  if (!workload || more.length > 0) {
    throw new Error(
      `Cannot measure: it must be one of ${WORKLOADS.join(", ")}, got ${positionals.join(" ")}`,
    );
  }
  if (!RUNTIMES.includes(values.runtime)) {
    throw new Error(`Cannot measure: --runtime must be one of ${RUNTIMES.join(", ")}, got ${values.runtime}`);
  }
  if (values.runtime !== "node" && !values["ours-only"]) {
    throw new Error("Cannot measure: --runtime goes with --ours-only; the peer runs on Node");
  }
  const defaults = DEFAULTS[workload];
  return {
    workload,
    pairs: countOf("pairs", values.pairs, defaults.pairs, 1000),
    taskCount: countOf("tasks", values.tasks, defaults.tasks, 10_000_000),
    warmUpCount: countOf("warm-up", values["warm-up"], WARM_UP_TASKS, 1_000_000),
    minutes: countOf("minutes", values.minutes, defaults.minutes, 1440),
    asJson: values.json,
    isOursOnly: values["ours-only"],
    isWritten: values.write,
    profileDir: values.profile ?? null,
    runtime: values.runtime as Runtime,
  };
}

function countOf(name: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const count = Number(text);
  if (/^[0-9]+$/.test(text) && count >= 1 && count <= max) return count;
  throw new Error(`Cannot measure: --${name} must be a whole number from 1 to ${max}, got ${text}`);
}
