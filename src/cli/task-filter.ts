/** Which tasks a command is about, as options of the command line. */
import type { Client, ListFilter } from "../../mod.ts";
import { nodeNamed } from "./connect.ts";
import { given, type OptionValues, parseChoice, parseDurationMs, UsageError } from "./options.ts";

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

export const FILTER_OPTIONS = {
  state: { type: "string", multiple: true },
  name: { type: "string" },
  tag: { type: "string" },
  node: { type: "string" },
  "id-prefix": { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
} as const;

export const FILTER_HELP: string = `  --state S       only those in a state; may be repeated: ${
  TASK_STATES.join(", ")
}
  --name NAME     only those of this task, such as exec
  --tag TAG       only those with this tag
  --node NODE     only those that a node runs; its name or id
  --id-prefix P   only those whose ids begin so
  --since T       only those submitted since then: a time as in 2026-01-31T12:00Z, or so long ago: 2h
  --until T       only those submitted before that`;

type FilterValues = OptionValues<typeof FILTER_OPTIONS>;

/** @throws UsageError naming the option and the value seen */
export function filterFrom(values: FilterValues): ListFilter {
  const states = values.state.map((text) => parseChoice("state", text, TASK_STATES));
  return {
    ...(states.length > 0 ? { states } : {}),
    ...given("name", values.name, String),
    ...given("tag", values.tag, String),
    ...given("node", values.node, String),
    ...given("idPrefix", values["id-prefix"], String),
    ...given("submittedSince", values.since, (text) => parseTime("since", text)),
    ...given("submittedUntil", values.until, (text) => parseTime("until", text)),
  };
}

/** The name of a node that there is none of; undefined when the filter names none, or one that there is. */
export async function missingNode(client: Client, { node }: ListFilter): Promise<string | undefined> {
  return node === undefined || await nodeNamed(client, node) ? undefined : node;
}

function parseTime(option: string, text: string): Date {
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const time = new Date(text);
    if (!Number.isNaN(time.getTime())) return time;
  } else if (/^[\d.]+(ms|s|m|h|d)$/.test(text)) return new Date(Date.now() - parseDurationMs(option, text));
  throw new UsageError(
    `Cannot read --${option}: needs a time such as 2026-01-31T12:00Z, or a duration such as 10m, ` +
      `got "${text}"`,
  );
}
