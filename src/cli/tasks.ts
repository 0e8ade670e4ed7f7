/** `stolos tasks`: the tasks that the cluster knows, in short form. */
import type { TaskInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, nodeNamed } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, given, parseChoice, parseOptions } from "./options.ts";
import { jsonLine, printable, table } from "./output.ts";

export const TASK_STATES = [
  "pending",
  "leased",
  "sleeping",
  "paused",
  "fault",
  "completed",
  "killed",
  "failed",
] as const;

const OPTIONS = { ...CLIENT_OPTIONS, state: { type: "string" }, node: { type: "string" } } as const;

const HELP = `Usage: stolos tasks [OPTION]…

Lists tasks. "stolos task ID" shows all of one.

  --state S       only those in a state: ${TASK_STATES.join(", ")}
  --node NODE     only those that a node runs; its name or id
${CLIENT_HELP}`;

export const tasks: Command = {
  name: "tasks",
  summary: "list tasks",
  help: HELP,
  async run(args, terminal, closed) {
    const { values, positionals } = parseOptions("tasks", args, OPTIONS);
    expectPositionals("tasks", positionals, []);
    const state = given("state", values.state, (text) => parseChoice("state", text, TASK_STATES));
    await using client = await connect(values);
    const node = values.node === undefined ? undefined : (await nodeNamed(client, values.node))?.node;
    if (values.node !== undefined && node === undefined) {
      terminal.note(`stolos: no node is called "${printable(values.node)}"`);
      return EXIT.missing;
    }
    const rows: string[][] = [];
    for await (const info of client.list({ ...state, ...given("node", node, String) })) {
      if (closed.aborted) break;
      if (values.json) {
        terminal.print(jsonLine(shortForm(info)));
        await terminal.drained();
      } else {rows.push([
          info.id,
          info.name,
          info.state,
          info.ownerName ?? info.owner ?? "-",
          info.fence,
          String(info.attempt),
        ]);}
    }
    if (!values.json) {
      rows.sort(([a = ""], [b = ""]) => a < b ? -1 : a > b ? 1 : 0);
      for (const line of table(["ID", "TASK", "STATE", "OWNER", "FENCE", "ATTEMPT"], rows)) {
        terminal.print(line);
      }
    }
    return EXIT.done;
  },
};

/** The contract's short form. */
function shortForm(info: TaskInfo): Record<string, unknown> {
  const { id, name, state, owner, ownerName, fence, attempt } = info;
  return { id, name, state, owner, ownerName, fence, attempt };
}
