/** `stolos nodes`: the members with their state and load, and how many failures the cluster survives. */
import type { ClusterHealth, NodeInfo } from "../../mod.ts";
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
    else for (const line of describeNodes(all, await client.health())) terminal.print(line);
    return EXIT.done;
  },
};

/** The contract's form, its keys in the contract's order. */
function contractForm(info: NodeInfo): Record<string, unknown> {
  const { node, name, state, self, tasks, load, keeps, stewardOf, labels, version, addresses } = info;
  const { lastHeardMs, frozen, serves, leaving } = info;
  return {
    ...{ node, name, state, self, tasks, load, keeps, stewardOf, labels, version, addresses },
    ...{ lastHeardMs, frozen, serves, leaving },
  };
}

/** The same for people, with the health of the quorum below. */
function describeNodes(all: readonly NodeInfo[], health: ClusterHealth): string[] {
  const rows = all.map((info) => [
    info.name,
    [info.state, ...(info.frozen ? ["frozen"] : []), ...(info.leaving ? ["leaves"] : [])].join(", "),
    String(info.tasks),
    info.serves === info.keeps ? String(info.keeps) : `${info.keeps}, serves ${info.serves}`,
    String(info.stewardOf),
    info.self || info.lastHeardMs === null ? "-" : `${humanDuration(info.lastHeardMs)} ago`,
    info.version,
    Object.entries(info.labels).map(([key, value]) => `${key}=${value}`).join(",") || "-",
    info.node,
  ]);
  const head = ["NAME", "STATE", "TASKS", "KEEPS", "STEWARD OF", "HEARD", "VERSION", "LABELS", "NODE"];
  return [...table(head, rows), "", quorumHealth(all, health)];
}

/** How the cluster stands, in one sentence. */
export function quorumHealth(all: readonly NodeInfo[], health: ClusterHealth): string {
  if (all.length === 0) return "quorum: no members known";
  const { partitions, stopped, survives, trouble, keepersMin, keepersMax } = health;
  if (partitions === 0) return "quorum: none: there is no cluster yet";
  const up = all.filter(({ state }) => state === "up" || state === "draining").length;
  const keepers = keepersMin === keepersMax ? keepersMin : `${keepersMin} to ${keepersMax}`;
  const seen = `${up} of ${all.length} members up, ${keepers} keepers a task`;
  if (stopped === partitions) return `quorum: LOST (${seen}); nothing runs until more come back`;
  if (stopped > 0) return `quorum: LOST in part (${seen}): ${trouble}; tasks there wait until they are back`;
  if (all.length === 1) return "quorum: held (a single node): it survives nothing";
  if (all.length === 2) {
    return `quorum: held (${seen}), but TWO NODES SURVIVE NO FAILURE: add a third, a witness will do`;
  }
  const why = trouble === null ? "" : `: ${trouble}`;
  return `quorum: held (${seen}); survives ${survives} more ${survives === 1 ? "failure" : "failures"}${why}`;
}
