/**
 * Scenarios: text files with commands for a virtual cluster, a line `----`, and what must happen. No faults
 * but those commanded. Commands, one a line (`#` begins a comment):
 *
 *   nodes 3 [takesMs 2000]      the cluster; each handler runs that long
 *   run 5000                    lets so many ms pass
 *   submit t1 n0                a client of n0 submits the task t1 and watches it
 *   get t1 n0                   a client of n0 asks for it
 *   crash n1 · start n1 · pause n1 3000 · cut n0>n1 2000 · isolate n2 9000 · drain n1 · resign n1
 */
import type { Effect } from "../../../src/protocol/model/contract.ts";
import type { TaskSpec } from "../../../src/protocol/model/types.ts";
import type { Plan } from "../../../src/simulator/plan.ts";
import { planFor } from "../../../src/simulator/profiles.ts";
import { Trace } from "../../../src/testing/trace.ts";
import { VirtualCluster } from "../../../src/simulator/cluster.ts";
import type { VirtualNode } from "../../../src/simulator/node.ts";
import { taskSpec } from "../../support/tasks.ts";

export interface Scenario {
  readonly commands: string;
  readonly expected: string;
}

const SEPARATOR = "----\n";

/** @throws SyntaxError when there is no line `----`. */
export function parseScenario(text: string): Scenario {
  const at = text.indexOf(`\n${SEPARATOR}`);
  if (at < 0) {
    throw new SyntaxError('Cannot read a scenario: expected a line "----" after the commands, got none');
  }
  return { commands: text.slice(0, at + 1), expected: text.slice(at + 1 + SEPARATOR.length) };
}

export function joinScenario({ commands, expected }: Scenario): string {
  return commands + SEPARATOR + expected;
}

/** Runs the commands and returns what happened, one line an event. */
export function runScenario(commands: string): string {
  const lines = commands.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter((line) =>
    line !== ""
  );
  const [head, ...rest] = lines;
  const cluster = clusterOf(head ?? "");
  for (const line of rest) command(cluster, line);
  cluster.oracle.leases.check();
  return cluster.trace.lines.map(readable).filter((line) => line !== "").join("\n") + "\n";
}

function clusterOf(head: string): VirtualCluster {
  const match = /^nodes (\d)(?: takesMs (\d+))?$/.exec(head);
  if (!match) throw new SyntaxError(`Cannot run a scenario: it must begin with "nodes N", got ${head}`);
  const base = planFor(1, "calm");
  const plan: Plan = {
    ...base,
    nodeCount: Number(match[1]),
    foundingCount: Number(match[1]),
    partitionCount: 1,
    replication: 3,
    leaseTtlMs: 4000,
    heartbeatMs: 1000,
    heartbeatAlongMs: 500,
    calmTickMs: 1000,
    marginMs: 1000,
    electionMs: 2000,
    clockRateBound: 0.01,
    logEntriesMax: 4096,
    appendBytesMax: 262_144,
    faults: { ...base.faults, notice: 1, resign: false, split: false, reorder: false },
    work: {
      ...base.work,
      takesMs: Number(match[2] ?? "500"),
      error: 0,
      release: 0,
      checkpoint: 0,
      stubborn: 0,
      slots: 4,
      uneven: false,
    },
  };
  const cluster = new VirtualCluster(plan, new Trace(true, 100_000, Infinity));
  for (const node of cluster.nodes) cluster.schedule.after(node.no, () => node.start());
  return cluster;
}

function command(cluster: VirtualCluster, line: string): void {
  const [verb, a = "", b = ""] = line.split(/\s+/);
  const { schedule, trace, network } = cluster;
  if (verb === "run") return cluster.runUntil(schedule.nowMs + Number(a));
  trace.line(schedule.nowMs, "", `* ${line}`);
  switch (verb) {
    case "submit":
      return nodeOf(cluster, b).client.submit(specOf(a, schedule.nowMs), true);
    case "get":
      return nodeOf(cluster, b).client.get(a);
    case "crash":
      return nodeOf(cluster, a).crash();
    case "start":
      return nodeOf(cluster, a).start();
    case "pause":
      return nodeOf(cluster, a).pause(Number(b), false);
    case "drain":
      return nodeOf(cluster, a).handlers.drain();
    case "resign":
      return nodeOf(cluster, a).receive([{ type: "resign" }]);
    case "cut": {
      const [from, to] = a.split(">").map((name) => nodeOf(cluster, name).no);
      network.cut([[from!, to!]], Number(b));
      return;
    }
    case "isolate": {
      const alone = nodeOf(cluster, a);
      const others = cluster.nodes.filter((node) => node !== alone);
      const both = others.flatMap(({ no }) => [[alone.no, no] as const, [no, alone.no] as const]);
      network.cut(both, Number(b));
      return;
    }
    default:
      throw new SyntaxError(`Cannot run a scenario: no such command, got ${line}`);
  }
}

function nodeOf(cluster: VirtualCluster, name: string): VirtualNode {
  const node = cluster.nodes.find((node) => `n${node.no}` === name);
  if (!node) throw new SyntaxError(`Cannot run a scenario: expected a node like n0, got ${name}`);
  return node;
}

function specOf(id: string, cid: number): TaskSpec {
  const payload = new TextEncoder().encode(`payload of ${id}`);
  return taskSpec(id, { name: "alpha", payload, cid });
}

/** The lines of the trace that say something about the protocol to its users; the others become "". */
function readable(line: string): string {
  const match = /^ *([\d.]+) (\S*) +(.*)$/.exec(line);
  if (!match) return "";
  const [, time, node, what] = match as unknown as [string, string, string, string];
  const at = `${String(Math.floor(Number(time))).padStart(6)} ${node.padEnd(3)}`;
  if (what.startsWith("* ")) return `\n${what}`;
  const chosen = /^CHOSEN p0 index (\d+) (\S+) (.*)$/.exec(what);
  if (chosen) return `${at} chosen ${chosen[1]}: ${operationText(chosen[3]!)}`;
  if (/^(ELECTED|RESUME|START)/.test(what)) return `${at} ${what.toLowerCase()}`;
  const text = what.startsWith("-> ") ? effectText(JSON.parse(what.slice(3)) as Effect) : "";
  return text === "" ? "" : `${at} ${text}`;
}

function operationText(json: string): string {
  const op = JSON.parse(json) as { type: string; spec?: { id: string }; id?: string; fence?: number };
  const { session, settlement } = op as {
    session?: { node: number; n: number };
    settlement?: { type: string };
  };
  const parts = [op.type, op.spec?.id ?? op.id, settlement?.type];
  if (op.fence !== undefined) parts.push(`fence ${op.fence}`);
  if (session) parts.push(`member ${session.node} session ${session.n}`);
  return parts.filter((part) => part !== undefined).join(" ");
}

function effectText(effect: Effect): string {
  switch (effect.type) {
    case "start":
      return `starts ${effect.task.id} fence ${effect.task.fence} attempt ${effect.task.attempt}`;
    case "abort":
      return `aborts ${effect.id} fence ${effect.fence}`;
    case "lost":
      return `has lost ${effect.id} fence ${effect.fence} (${effect.reason})`;
    case "settled":
      return `settled fence ${effect.fence}: ${effect.accepted ? "accepted" : "refused"}`;
    case "submitted":
      return `submit answered: ${effect.status}`;
    case "outcome":
      return `outcome of ${effect.outcome.id}: ${effect.outcome.state}`;
    case "answer":
      return `answer: ${
        effect.tasks.map(({ record }) => `${record.spec.id} ${record.state}`).join(", ") || "nothing"
      }`;
    case "event":
      if (effect.event.type === "ready" || effect.event.type === "roster") return effect.event.type;
      if (effect.event.type === "quorum") return effect.event.held ? "has a quorum" : "has no quorum";
      return effect.event.type === "condemned" ? `condemns ${effect.event.node.replace(/-.*/, "")}` : "";
    default:
      return "";
  }
}
