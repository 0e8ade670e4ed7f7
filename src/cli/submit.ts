/** `stolos submit`: hands a task to the cluster and prints its id; with --wait, how it ended. */
import { readFileSync } from "node:fs";
import type { Client, Outcome, PlacementOptions, TaskDefinition, TaskHandle } from "../../mod.ts";
import { noteFailedAttempts } from "./attempt-notices.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, timeoutMsOf } from "./connect.ts";
import {
  CLIENT_OPTIONS,
  expectPositionals,
  given,
  type OptionValues,
  parseCount,
  parseDurationMs,
  parseLabels,
  parseOptions,
  UsageError,
} from "./options.ts";
import { parseJson } from "./json-input.ts";
import { jsonLine, printable, type Terminal } from "./output.ts";

/** The options that say where and when rather than what, as client.submit takes them. */
export const PLACEMENT_OPTIONS = {
  priority: { type: "string" },
  requires: { type: "string", multiple: true },
  prefers: { type: "string", multiple: true },
  node: { type: "string" },
  apart: { type: "string" },
  backoff: { type: "string" },
  expires: { type: "string" },
  "lapses-max": { type: "string" },
} as const;

const PLACEMENT_HELP: string =
  `  --priority N    of tasks that wait for the same nodes the higher goes first: -1000 to 1000 (default 0)
  --requires K=V  only nodes with this label; may be repeated
  --prefers K=V[:W]  rather nodes with this label, by weight W (default 1, negative: rather not); may be
                  repeated
  --node NAME     only this node, by name or id
  --apart KEY     not on a node that runs another task with this key
  --backoff D     wait so long before the second attempt, twice as long before each further one
  --expires D     so long after its submit nothing of it starts any more, and what runs is stopped
  --lapses-max N  it has failed as poison when the process of its node has died so often while it was the only
                  task to blame (default 5)`;

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

/** The built-in task: exec/exec.ts. */
const EXEC = "exec";

const HELP = `Usage: stolos submit [OPTION]… -- CMD [ARG]…
       stolos submit [OPTION]… --task NAME --input JSON

Submits a task, once a quorum has it, and prints its id. With the same --id it may be repeated safely.

  --id ID         the task's id (default: a random one)
  --wait          wait for its end: exit code 4 when it failed or was killed; attempts that fail are
                  reported on stderr
  --retry N       up to N more attempts after an error (default: none for commands; for other tasks the
                  node's error handler decides)
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
      ...attemptsOf(values.retry, task),
      ...given("delayMs", values.delay, (text) => parseDurationMs("delay", text)),
      ...placementOf(values),
    };
    await using client = await connect(values);
    const definition = await definitionOf(task);
    const handle = await client.submit(definition, input, options);
    if (values.json) terminal.print(jsonLine({ id: handle.id, created: handle.created }));
    else terminal.print(`${printable(handle.id)}${handle.created ? "" : " (known already)"}`);
    return values.wait ? await waitFor(client, handle, { json: values.json, terminal }) : EXIT.done;
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

/**
 * Where and when, as client.submit is to be given it.
 *
 * @throws UsageError naming the option and the value seen
 */
export function placementOf(values: OptionValues<typeof PLACEMENT_OPTIONS>): PlacementOptions {
  return {
    ...given("priority", values.priority, (text) => parseInteger("priority", text)),
    ...(values.requires.length > 0 ? { requires: parseLabels("requires", values.requires) } : {}),
    ...(values.prefers.length > 0 ? { prefers: values.prefers.map(parsePreference) } : {}),
    ...given("node", values.node, String),
    ...given("apart", values.apart, String),
    ...given("retry", values.backoff, (text) => {
      const backoffMs = parseDurationMs("backoff", text);
      return { backoffMs, maxMs: Math.max(60_000, backoffMs) };
    }),
    ...given("expiresMs", values.expires, (text) => parseDurationMs("expires", text)),
    ...given("lapsesMax", values["lapses-max"], (text) => parseCount("lapses-max", text, 1)),
  };
}

function parseInteger(option: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot read --${option}: needs a whole number, got "${text}"`);
}

/** `key=value` or `key=value:weight`; a value that ends in a colon and a number needs a weight behind it. */
function parsePreference(text: string): { label: string; value: string; weight: number } {
  const match = /^([^=]+)=(.*?)(?::(-?\d{1,4}))?$/s.exec(text);
  if (!match) {
    throw new UsageError(`Cannot read --prefers: needs key=value or key=value:weight, got "${text}"`);
  }
  const [, label = "", value = "", weight = "1"] = match;
  return { label, value, weight: Number(weight) };
}

/** Loaded only when it is needed, like the client: see connect.ts. */
async function definitionOf(task: string): Promise<TaskDefinition> {
  // What was typed is checked by the definition itself.
  if (task === EXEC) return (await import("./exec/exec.ts")).exec as TaskDefinition;
  return (await import("../../mod.ts")).defineTask({ name: task });
}

function parseInput(text: string): unknown {
  const json = text === "-" ? readFileSync(0, "utf8") : text;
  try {
    return parseJson(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot read --input: ${why}, got "${printable(json.slice(0, 80))}"`);
  }
}

/** What somebody types is tried once, unless it is asked for more. */
function attemptsOf(retry: string | undefined, task: string): { attempts?: number } {
  if (retry !== undefined) return { attempts: parseCount("retry", retry, 0) + 1 };
  return task === EXEC ? { attempts: 1 } : {};
}

async function waitFor(
  client: Client,
  handle: TaskHandle<unknown>,
  { json, terminal }: { readonly json: boolean; readonly terminal: Terminal },
): Promise<number> {
  const ended = new AbortController();
  const noticed = noteFailedAttempts(client, handle.id, terminal, ended.signal);
  let outcome: Outcome<unknown>;
  try {
    outcome = await handle.done();
  } finally {
    ended.abort();
    await noticed;
  }
  if (json) terminal.print(jsonLine({ id: handle.id, ...outcomeFields(outcome) }));
  else terminal.print(outcomeText(outcome));
  return outcome.state === "completed" ? EXIT.done : EXIT.taskFailed;
}

function outcomeFields(outcome: Outcome<unknown>): Record<string, unknown> {
  if (outcome.state === "completed") return { state: outcome.state, result: outcome.result };
  const { state, ...rest } = outcome;
  return { state, result: null, ...rest };
}

function outcomeText(outcome: Outcome<unknown>): string {
  if (outcome.state === "completed") return `completed ${jsonLine(outcome.result)}`;
  return `${outcome.state} ${printable(String(outcome.error))}`;
}
