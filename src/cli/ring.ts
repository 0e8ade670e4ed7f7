/** `stolos ring`: how the work is spread: each member's share of the ring, of what is kept, and its tasks. */
import type { NodeInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { jsonLine, table } from "./output.ts";

const HELP = `Usage: stolos ring [OPTION]…

Shows each member's share of the ring on which tasks are placed, of the copies of partitions that are
kept, and of the partitions that have a steward; and the tasks that it runs.

${CLIENT_HELP}`;

export const ring: Command = {
  name: "ring",
  summary: "show how tasks and their records are spread over the members",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseOptions("ring", args, CLIENT_OPTIONS);
    expectPositionals("ring", positionals, []);
    await using client = await connect(values);
    const shares = ringShares(await client.nodes());
    if (values.json) { for (const share of shares) terminal.print(jsonLine(share)); }
    else for (const line of describeRing(shares)) terminal.print(line);
    return EXIT.done;
  },
};

/** The contract's form, its keys in the contract's order. Shares are parts of 1. */
export interface RingShare {
  readonly node: string;
  readonly name: string;
  readonly state: NodeInfo["state"];
  readonly ringShare: number;
  readonly keeps: number;
  readonly keepsShare: number;
  readonly stewardOf: number;
  readonly stewardShare: number;
  readonly tasks: number;
}

/** By name. */
export function ringShares(all: readonly NodeInfo[]): RingShare[] {
  const sumOf = (pick: (info: NodeInfo) => number): number => all.reduce((sum, info) => sum + pick(info), 0);
  const copies = sumOf(({ keeps }) => keeps);
  const stewarded = sumOf(({ stewardOf }) => stewardOf);
  const inOrder = [...all].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  return inOrder.map(({ node, name, state, ringShare, keeps, stewardOf, tasks }) => ({
    ...{ node, name, state, ringShare: partOf(ringShare, 1) },
    ...{ keeps, keepsShare: partOf(keeps, copies), stewardOf, stewardShare: partOf(stewardOf, stewarded) },
    tasks,
  }));
}

/** Six digits: what is behind them is noise of the division. */
function partOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round(part / whole * 1e6) / 1e6;
}

function describeRing(shares: readonly RingShare[]): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
  const rows = shares.map((share) => [
    share.name,
    share.state,
    percent(share.ringShare),
    `${share.keeps} (${percent(share.keepsShare)})`,
    `${share.stewardOf} (${percent(share.stewardShare)})`,
    String(share.tasks),
    share.node,
  ]);
  return table(["NAME", "STATE", "RING", "KEEPS", "STEWARD OF", "TASKS", "NODE"], rows);
}
