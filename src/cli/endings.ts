/** `stolos retry`, `stolos purge` and `stolos clone`: what is done with tasks that have ended. */
import type { Client, SweepCounts, TaskInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, timeoutMsOf } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, given, type OptionValues, parseCount } from "./options.ts";
import { parseOptions, UsageError } from "./options.ts";
import { jsonLine, printable, type Terminal } from "./output.ts";
import { parseInput } from "./submit.ts";
import { FILTER_HELP, FILTER_OPTIONS, filterFrom, missingNode } from "./task-filter.ts";

interface EndCommand {
  readonly name: "retry" | "purge";
  readonly summary: string;
  readonly means: string;
  readonly past: string;
  /** Which tasks, when none is named. */
  readonly byDefault: string;
}

const END_COMMANDS: readonly EndCommand[] = [
  {
    name: "retry",
    summary: "run a task anew that failed or was killed",
    means: `Runs a task anew, at once, that failed or was killed: its errors and attempts are forgotten, its
checkpoint is kept. Prints the end that it saw, and retries that one: what was done with the task meanwhile,
by somebody else perhaps, is not done again.`,
    past: "retried",
    byDefault: "those that failed",
  },
  {
    name: "purge",
    summary: "forget a task that has ended",
    means:
      `Forgets a task that has ended: its id may then be used for another one. Prints the end that it saw,
and forgets that one.`,
    past: "purged",
    byDefault: "all that have ended",
  },
];

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...FILTER_OPTIONS,
  all: { type: "boolean" },
  fence: { type: "string" },
  "command-id": { type: "string" },
  "per-second": { type: "string" },
} as const;

function commandOf(spec: EndCommand): Command {
  const { name, summary, means, byDefault } = spec;
  return {
    name,
    summary,
    help: `Usage: stolos ${name} [OPTION]… ID
       stolos ${name} --all [OPTION]…

${means}

  --fence F       the end that you saw, by its fence (default: the one that it has)
  --command-id ID repeated with the same id it counts once (default: a random one)
  --all           all tasks that the following options name (default: ${byDefault})
${FILTER_HELP}
  --per-second N  so many a second at most
${CLIENT_HELP}`,
    async run(args, terminal, closed) {
      const { values, positionals, rest } = parseOptions(name, args, OPTIONS);
      const ids = [...positionals, ...rest ?? []];
      expectPositionals(name, ids, values.all ? [] : ["ID"]);
      checkTogether(name, values);
      const signal = AbortSignal.any([closed]);
      await using client = await connect(values);
      if (values.all) return await runAll(spec, values, { client, terminal, signal });
      return await runOne(spec, ids[0] ?? "", values, { client, terminal, signal });
    },
  };
}

type Values = OptionValues<typeof OPTIONS>;

interface Means {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** What names one end does not go with what names many. */
function checkTogether(name: string, values: Values): void {
  const forOne = ["fence", "command-id"] as const;
  const forAll = ["name", "tag", "node", "id-prefix", "since", "until", "per-second"] as const;
  const wrong = values.all
    ? forOne.find((each) => values[each] !== undefined)
    : forAll.find((each) => values[each] !== undefined) ?? (values.state.length > 0 ? "state" : undefined);
  if (wrong === undefined) return;
  const what = values.all ? "names one task, and --all many" : "needs --all";
  throw new UsageError(`Cannot run "stolos ${name}": --${wrong} ${what}`);
}

async function runAll(
  { name, past }: EndCommand,
  values: Values,
  { client, terminal, signal }: Means,
): Promise<number> {
  const filter = filterFrom(values);
  const missing = await missingNode(client, filter);
  if (missing !== undefined) {
    terminal.note(`stolos: no node is called "${printable(missing)}"`);
    return EXIT.missing;
  }
  const options = {
    timeoutMs: timeoutMsOf(values),
    signal,
    ...given("perSecond", values["per-second"], (text) => parseCount("per-second", text, 1)),
  };
  const counts: SweepCounts = name === "retry"
    ? await client.retryAll(filter, options)
    : await client.purge(filter, options);
  if (values.json) terminal.print(jsonLine({ command: name, ...counts }));
  else terminal.print(`${counts.done} ${past}, ${counts.skipped} skipped: something else was done with them`);
  return EXIT.done;
}

async function runOne(
  { name, past }: EndCommand,
  id: string,
  values: Values,
  { client, terminal, signal }: Means,
): Promise<number> {
  let fence = values.fence;
  if (fence === undefined) {
    const info = await client.get(id);
    if (info === undefined) {
      terminal.note(`stolos: no task has the id "${printable(id)}"`);
      return EXIT.missing;
    }
    if (!values.json) terminal.print(endText(info));
    fence = info.fence;
  }
  const options = {
    fence,
    timeoutMs: timeoutMsOf(values),
    signal,
    ...given("commandId", values["command-id"], String),
  };
  await (name === "retry" ? client.retry(id, options) : client.purge(id, options));
  if (values.json) terminal.print(jsonLine({ id, command: name, fence }));
  else terminal.print(`${printable(id)} ${past}`);
  return EXIT.done;
}

function endText({ id, state, fence, errors, failedBecause }: TaskInfo): string {
  const last = errors.at(-1)?.message ?? failedBecause ?? "";
  return `${printable(id)} is ${state} under fence ${fence}${last === "" ? "" : `: ${printable(last)}`}`;
}

const CLONE_OPTIONS = {
  ...CLIENT_OPTIONS,
  id: { type: "string" },
  input: { type: "string" },
} as const;

const clone: Command = {
  name: "clone",
  summary: "submit a task once more under another id",
  help: `Usage: stolos clone [OPTION]… ID

Submits the same task once more under another id, to run at once, whatever became of it. Prints the new id.

  --id ID         the new task's id (default: a random one)
  --input JSON    another input; "-" reads it from stdin
${CLIENT_HELP}`,
  async run(args, terminal) {
    const { values, positionals, rest } = parseOptions("clone", args, CLONE_OPTIONS);
    const ids = [...positionals, ...rest ?? []];
    expectPositionals("clone", ids, ["ID"]);
    const options = {
      timeoutMs: timeoutMsOf(values),
      ...given("id", values.id, String),
      ...given("input", values.input, parseInput),
    };
    await using client = await connect(values);
    const handle = await client.clone(ids[0] ?? "", options);
    if (values.json) terminal.print(jsonLine({ id: handle.id, created: handle.created }));
    else terminal.print(`${printable(handle.id)}${handle.created ? "" : " (known already)"}`);
    return EXIT.done;
  },
};

export const endings: readonly Command[] = [...END_COMMANDS.map(commandOf), clone];
