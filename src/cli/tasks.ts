/** `stolos tasks`: the tasks that the cluster knows, in short form. */
import type { Client, ListFilter, TaskSummary } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, given, parseCount, parseOptions } from "./options.ts";
import { jsonLine, printable, table } from "./output.ts";
import { FILTER_HELP, FILTER_OPTIONS, filterFrom, missingNode } from "./task-filter.ts";

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...FILTER_OPTIONS,
  limit: { type: "string" },
  cursor: { type: "string" },
} as const;

const HELP = `Usage: stolos tasks [OPTION]…

Lists tasks. "stolos task ID" shows all of one.

${FILTER_HELP}
  --limit N       so many at most; where there are more, stderr says how to go on
  --cursor C      go on there
${CLIENT_HELP}`;

export const tasks: Command = {
  name: "tasks",
  summary: "list tasks",
  help: HELP,
  async run(args, terminal, closed) {
    const { values, positionals } = parseOptions("tasks", args, OPTIONS);
    expectPositionals("tasks", positionals, []);
    const filter = filterFrom(values);
    const limit = given("limit", values.limit, (text) => parseCount("limit", text, 1)).limit ?? Infinity;
    await using client = await connect(values);
    const missing = await missingNode(client, filter);
    if (missing !== undefined) {
      terminal.note(`stolos: no node is called "${printable(missing)}"`);
      return EXIT.missing;
    }
    const rows: string[][] = [];
    const more = await forEachTask(client, { filter, limit, cursor: values.cursor }, async (info) => {
      if (values.json) {
        terminal.print(jsonLine(shortForm(info)));
        await terminal.drained();
      } else rows.push(row(info));
      return !closed.aborted;
    });
    if (!values.json) {
      rows.sort(([a = ""], [b = ""]) => a < b ? -1 : a > b ? 1 : 0);
      for (const line of table(["ID", "TASK", "STATE", "OWNER", "FENCE", "ATTEMPT"], rows)) {
        terminal.print(line);
      }
    }
    if (more !== null) terminal.note(`stolos: there may be more; go on with --cursor ${quoted(more)}`);
    return EXIT.done;
  },
};

/** Until `visit` says that it has seen enough. Returns where to go on; null when those were all. */
async function forEachTask(
  client: Client,
  asked: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | undefined },
  visit: (info: TaskSummary) => Promise<boolean>,
): Promise<string | null> {
  let left = asked.limit;
  let cursor: string | null = asked.cursor ?? null;
  do {
    const options = { ...asked.filter, limit: Math.min(left, PAGE_TASKS) };
    const page = await client.listPage(cursor === null ? options : { ...options, cursor });
    for (const info of page.tasks) if (!await visit(info)) return null;
    left -= page.tasks.length;
    cursor = page.cursor;
  } while (cursor !== null && left > 0);
  return cursor;
}

const PAGE_TASKS = 4000;

/** For a shell. */
function quoted(text: string): string {
  return /^[\w:./-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", `'\\''`)}'`;
}

function row(info: TaskSummary): string[] {
  const { id, name, state, ownerName, owner, fence, attempt } = info;
  return [id, name, state, ownerName ?? owner ?? "-", fence, String(attempt)];
}

/** The contract's short form. */
function shortForm(info: TaskSummary): Record<string, unknown> {
  const { id, name, state, owner, ownerName, fence, attempt, tags, submittedAt } = info;
  return { id, name, state, owner, ownerName, fence, attempt, tags, submittedAt };
}
