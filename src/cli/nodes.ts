/** `stolos nodes`: the members with their state and load, and how many failures the cluster survives. */
import type { NodeInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { humanDuration, jsonLine, table } from "./output.ts";

const HELP = `Usage: stolos nodes [OPTION]…

Lists the members of the cluster: state, tasks they run, partitions they keep and are steward of.

${CLIENT_HELP}`;

export const nodes: Command = {
  name: "nodes",
  summary: "list the members, their load and the health of the quorum",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseOptions("nodes", args, CLIENT_OPTIONS);
    expectPositionals("nodes", positionals, []);
    await using client = await connect(values);
    const all = [...await client.nodes()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    if (values.json) { for (const info of all) terminal.print(jsonLine(contractForm(info))); }
    else for (const line of describeNodes(all)) terminal.print(line);
    return EXIT.done;
  },
};

/** The contract's form, its keys in the contract's order. */
function contractForm(info: NodeInfo): Record<string, unknown> {
  const { node, name, state, self, tasks, load, keeps, stewardOf, labels, version, addresses } = info;
  const { lastHeardMs, frozen } = info;
  return {
    ...{ node, name, state, self, tasks, load, keeps, stewardOf, labels, version, addresses },
    ...{ lastHeardMs, frozen },
  };
}

/** The same for people, with the health of the quorum below. */
function describeNodes(all: readonly NodeInfo[]): string[] {
  const rows = all.map((info) => [
    info.name,
    info.frozen ? `${info.state}, frozen` : info.state,
    String(info.tasks),
    String(info.keeps),
    String(info.stewardOf),
    info.self || info.lastHeardMs === null ? "-" : `${humanDuration(info.lastHeardMs)} ago`,
    info.version,
    Object.entries(info.labels).map(([key, value]) => `${key}=${value}`).join(",") || "-",
    info.node,
  ]);
  const head = ["NAME", "STATE", "TASKS", "KEEPS", "STEWARD OF", "HEARD", "VERSION", "LABELS", "NODE"];
  return [...table(head, rows), "", quorumHealth(all)];
}

/** How the cluster stands, in one sentence. */
export function quorumHealth(all: readonly NodeInfo[]): string {
  if (all.length === 0) return "quorum: no members known";
  const up = all.filter((info) => info.state !== "down").length;
  const keepers = keepersPerTask(all);
  const spare = Math.floor((keepers - 1) / 2) - (all.length - up);
  const seen = `${up} of ${all.length} members up, ${keepers} keepers a task`;
  if (up < Math.floor(keepers / 2) + 1) return `quorum: LOST: ${seen}; nothing runs until more come back`;
  if (spare < 0) {
    return `quorum: LOST for tasks with too few keepers up (${seen}); they wait until more come back`;
  }
  if (all.length === 1) return "quorum: held (a single node): it survives nothing";
  if (all.length === 2) {
    return `quorum: held (${seen}), but TWO NODES SURVIVE NO FAILURE: add a third, a witness will do`;
  }
  return `quorum: held (${seen}); survives ${spare} more ${spare === 1 ? "failure" : "failures"}`;
}

/** Every partition has one steward, once it serves, and the same number of keepers. */
function keepersPerTask(all: readonly NodeInfo[]): number {
  const sumOf = (pick: (info: NodeInfo) => number): number => all.reduce((sum, info) => sum + pick(info), 0);
  const partitions = sumOf((info) => info.stewardOf);
  if (partitions === 0) return Math.min(3, all.length);
  return Math.min(all.length, Math.max(1, Math.round(sumOf((info) => info.keeps) / partitions)));
}
