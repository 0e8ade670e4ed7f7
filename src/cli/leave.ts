/** `stolos leave NODE`: takes a node out of the cluster for good, and waits until it is out. */
import { setTimeout as delay } from "node:timers/promises";
import type { Client, ClusterHealth, NodeInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, nodeNamed } from "./connect.ts";
import { quorumHealth } from "./nodes.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { jsonLine, printable, type Terminal } from "./output.ts";

const OPTIONS = { ...CLIENT_OPTIONS, "no-wait": { type: "boolean" } } as const;
const LOOK_EVERY_MS = 250;

const HELP = `Usage: stolos leave [OPTION]… NODE

NODE is the name or id of a node. It gives its tasks back, waits until others keep what it keeps, is a member
no more, and its process ends. Of several nodes that are to leave one goes after the other. It is refused
while a member is gone and one more loss would cost a quorum. Returns when the node is out. A second one for
the same node waits for the same; where there is no such node any more, the exit code is 3.

  --no-wait       return when it has begun: "stolos nodes" shows it
${CLIENT_HELP}`;

/** Takes a node out for good. */
export const leave: Command = {
  name: "leave",
  summary: "take a node out of the cluster for good",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals, rest } = parseOptions("leave", args, OPTIONS);
    const names = [...positionals, ...rest ?? []];
    expectPositionals("leave", names, ["NODE"]);
    const [name = ""] = names;
    await using client = await connect(values);
    const info = await nodeNamed(client, name);
    if (info === undefined) {
      terminal.note(`stolos: no node is called "${printable(name)}": it has left, or never was a member`);
      return EXIT.missing;
    }
    await client.commandNode(info.node, { type: "leave" });
    const { node } = info;
    if (values["no-wait"]) {
      if (values.json) terminal.print(jsonLine({ node, name: info.name, command: "leave" }));
      else terminal.print(`${printable(info.name)} is going to leave`);
      return EXIT.done;
    }
    const { all, health } = await untilOut(client, node, (text) => terminal.note(`stolos: ${text}`));
    report(terminal, info, { all, health, json: values.json });
    return EXIT.done;
  },
};

interface Rest {
  readonly all: readonly NodeInfo[];
  readonly health: ClusterHealth;
}

function report(
  terminal: Terminal,
  { node, name }: NodeInfo,
  { all, health, json }: Rest & { readonly json: boolean },
): void {
  const { survives } = health;
  if (json) terminal.print(jsonLine({ node, name, command: "leave", members: all.length, survives }));
  else terminal.print(`${printable(name)} has left; ${quorumHealth(all, health)}`);
}

/** Looks until the members do without it; says what it waits for when that changes. */
async function untilOut(client: Client, node: string, say: (text: string) => void): Promise<Rest> {
  let said = "";
  for (;;) {
    const all = await client.nodes();
    const info = all.find((each) => each.node === node);
    const health = await client.health();
    if (info === undefined && all.length > 0 && health.partitions > 0) return { all, health };
    // a node that is out, and not gone yet, knows of itself alone
    const text = info === undefined || health.partitions === 0 ? "" : progressText(info, all);
    if (text !== said && text !== "") say(said = text);
    await delay(LOOK_EVERY_MS);
  }
}

function progressText(info: NodeInfo, all: readonly NodeInfo[]): string {
  const name = printable(info.name);
  if (info.leaving) return `${name} leaves: others take over what it keeps`;
  if (info.tasks > 0) return `${name} gives back what it runs`;
  const before = all.find(({ leaving }) => leaving);
  if (before) return `${name} waits: ${printable(before.name)} leaves first`;
  const gone = all.find(({ state }) => state === "down" || state === "stopped");
  return gone ? `${name} waits: ${printable(gone.name)} is ${gone.state}` : `${name} waits for its turn`;
}
