/** `stolos submit`: hands a task to the cluster and prints its id; with --wait, how it ended. */
import { readFileSync } from "node:fs";
import type { Outcome, TaskDefinition, TaskHandle } from "../../mod.ts";
import { EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { CLIENT_HELP, connect, timeoutMsOf } from "./connect.ts";
import {
  CLIENT_OPTIONS,
  expectPositionals,
  given,
  parseCount,
  parseDurationMs,
  parseOptions,
  UsageError,
} from "./options.ts";
import { PLACEMENT_HELP, PLACEMENT_OPTIONS, placementOf } from "./placement-options.ts";
import { jsonLine, printable } from "./output.ts";
import type { Terminal } from "./output.ts";

const OPTIONS = {
  ...CLIENT_OPTIONS,
  id: { type: "string" },
  wait: { type: "boolean" },
  retry: { type: "string" },
  delay: { type: "string" },
  task: { type: "string" },
  input: { type: "string" },
  ...PLACEMENT_OPTIONS,
} as const;

/** The built-in task: exec.ts. */
const EXEC = "exec";

const HELP = `Usage: stolos submit [OPTION]… -- CMD [ARG]…
       stolos submit [OPTION]… --task NAME --input JSON

Submits a task, once a quorum has it, and prints its id. With the same --id it may be repeated safely.

  --id ID         the task's id (default: a random one)
  --wait          wait for its end: exit code 4 when it failed or was killed
  --retry N       up to N more attempts after an error (default: the node's error handler decides)
  --delay D       start it so long from now at the earliest
  --task NAME     which handler runs it (default exec)
  --input JSON    its input; "-" reads it from stdin
${PLACEMENT_HELP}
${CLIENT_HELP}`;

export const submit: Command = {
  name: "submit",
  summary: "submit a task and print its id",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals, rest } = parseOptions("submit", args, OPTIONS);
    const [first] = positionals;
    if (first !== undefined) {
      throw new UsageError(
        `Cannot run "stolos submit": put -- before the command, got "${printable(first)}"`,
      );
    }
    expectPositionals("submit", positionals, []);
    const { task, input } = whatToRun(values, rest);
    const timeoutMs = timeoutMsOf(values);
    const options = {
      timeoutMs,
      ...given("id", values.id, String),
      ...given("attempts", values.retry, (text) => parseCount("retry", text, 0) + 1),
      ...given("delayMs", values.delay, (text) => parseDurationMs("delay", text)),
      ...placementOf(values),
    };
    await using client = await connect(values);
    const definition = await definitionOf(task);
    const handle = await client.submit(definition, input, options);
    if (values.json) terminal.print(jsonLine({ id: handle.id, created: handle.created }));
    else terminal.print(`${printable(handle.id)}${handle.created ? "" : " (known already)"}`);
    return values.wait ? await waitFor(handle, values.json, terminal) : EXIT.done;
  },
};

/** The task's name and input that the arguments give. */
export function whatToRun(
  values: { readonly task: string | undefined; readonly input: string | undefined },
  command: readonly string[] | undefined,
): { readonly task: string; readonly input: unknown } {
  const hasCommand = command !== undefined && command.length > 0;
  if (hasCommand === (values.input !== undefined)) {
    const seen = hasCommand ? "both" : "neither";
    throw new UsageError(`Cannot run "stolos submit": needs either -- CMD ARG… or --input JSON, got ${seen}`);
  }
  const task = values.task ?? EXEC;
  if (!hasCommand) return { task, input: parseInput(values.input ?? "") };
  if (task === EXEC) return { task, input: { argv: [...command] } };
  throw new UsageError(`Cannot run "stolos submit": --task ${task} takes --input JSON, got a command line`);
}

/** Loaded only when it is needed, like the client: see connect.ts. */
async function definitionOf(task: string): Promise<TaskDefinition> {
  // What was typed is checked by the definition itself.
  if (task === EXEC) return (await import("./exec.ts")).exec as TaskDefinition;
  return (await import("../../mod.ts")).defineTask({ name: task });
}

function parseInput(text: string): unknown {
  const json = text === "-" ? readFileSync(0, "utf8") : text;
  try {
    return JSON.parse(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot read --input: ${why}, got "${printable(json.slice(0, 80))}"`);
  }
}

async function waitFor(handle: TaskHandle<unknown>, json: boolean, terminal: Terminal): Promise<number> {
  const outcome = await handle.done();
  if (json) terminal.print(jsonLine({ id: handle.id, ...outcomeFields(outcome) }));
  else terminal.print(outcomeText(outcome));
  return outcome.state === "completed" ? EXIT.done : EXIT.taskFailed;
}

function outcomeFields(outcome: Outcome<unknown>): Record<string, unknown> {
  if (outcome.state === "completed") return { state: outcome.state, result: outcome.result };
  return { state: outcome.state, result: null, error: outcome.error };
}

function outcomeText(outcome: Outcome<unknown>): string {
  if (outcome.state === "completed") return `completed ${jsonLine(outcome.result)}`;
  return `${outcome.state} ${printable(String(outcome.error))}`;
}
