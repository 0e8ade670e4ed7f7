/** `stolos task ID`: all there is to know of one task, and why it is not running if it is not. */
import type { LapseInfo, TaskErrorInfo, TaskInfo } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { fields, humanDuration, jsonLine, printable, shortId } from "./output.ts";

const HELP = `Usage: stolos task [OPTION]… ID

Shows one task whole: state, owner, fence, deadline, attempts, errors, lapses, keepers, and why it is not
running.

${CLIENT_HELP}`;

export const task: Command = {
  name: "task",
  summary: "show one task whole",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals, rest } = parseOptions("task", args, CLIENT_OPTIONS);
    // An id may start with a dash: `stolos task -- -5`.
    const ids = [...positionals, ...rest ?? []];
    expectPositionals("task", ids, ["ID"]);
    const [id = ""] = ids;
    await using client = await connect(values);
    const info = await client.get(id);
    if (info === undefined) {
      terminal.note(`stolos: no task has the id "${printable(id)}"`);
      return EXIT.missing;
    }
    if (values.json) terminal.print(jsonLine(longForm(info)));
    else for (const line of describe(info)) terminal.print(line);
    return EXIT.done;
  },
};

/** The contract's whole form, its keys in the contract's order. */
function longForm(info: TaskInfo): Record<string, unknown> {
  const { id, name, state, owner, ownerName, fence, attempt, leaseRemainingMs } = info;
  const { submittedAt, startedAt, finishedAt, errors, result, progress, partition, keepers, why } = info;
  const { commands, input, tags, ageMs, wakeAt, expiresAt, failedBecause, lapses } = info;
  return {
    ...{ id, name, state, owner, ownerName, fence, attempt, leaseRemainingMs, submittedAt, startedAt },
    ...{ finishedAt, errors, result, progress, partition, keepers, why, commands },
    ...{ input, tags, ageMs },
    ...{ wakeAt, expiresAt, failedBecause, lapses },
  };
}

/** The same for people. */
function describe(info: TaskInfo): string[] {
  const owner = info.owner === null ? "nobody" : `${info.ownerName ?? "?"} (${info.owner})`;
  const lease = info.leaseRemainingMs === null ? "none" : `${humanDuration(info.leaseRemainingMs)} left`;
  const pairs: [string, string][] = [
    ["id", info.id],
    ["task", info.name],
    ["state", info.failedBecause === null ? info.state : `${info.state}: ${info.failedBecause}`],
    ["why", info.why ?? (info.state === "leased" ? "it runs" : "-")],
    ["owner", owner],
    ["fence", info.fence],
    ["lease", lease],
    ["attempt", String(info.attempt)],
    ["submitted", info.submittedAt ?? "-"],
    ["age", info.ageMs === null ? "-" : humanDuration(info.ageMs)],
    ["started", info.startedAt ?? "-"],
    ["finished", info.finishedAt ?? "-"],
    ["expires", info.expiresAt ?? "never"],
    ["tags", info.tags.join(" ") || "-"],
    ["input", clipped(jsonLine(info.input ?? null))],
    ["result", info.result === undefined || info.result === null ? "-" : jsonLine(info.result)],
    ["progress", info.progress === null ? "-" : jsonLine(info.progress)],
    ["commands", info.commands.map(({ type }) => `${type} waits`).join(", ") || "none wait"],
    ["partition", String(info.partition)],
    ["keepers", info.keepers.map(shortId).join(" ")],
  ];
  return [
    ...fields(pairs),
    ...info.errors.flatMap(errorLines),
    ...info.lapses.map((lapse) => `lapse: ${printable(lapseText(lapse))}`),
  ];
}

function lapseText({ at, attempt, fence, nodeName, node, ranMs, counted }: LapseInfo): string {
  const why = counted
    ? `its process died${ranMs === null ? "" : ` when the task had run for ${humanDuration(ranMs)}`}`
    : "it was lost";
  return `${at} attempt ${attempt} fence ${fence} on ${nodeName ?? node}: ${why}`;
}

function errorLines(error: TaskErrorInfo): string[] {
  const below = (text: string | null, before: string): string[] =>
    (text ?? "").split("\n").filter((line) => line.trim() !== "").map((line) =>
      `${before}${printable(line)}`
    );
  return [
    `error: ${printable(errorText(error))}`,
    ...below(error.cause, "  caused by: "),
    ...below(error.stack, "  "),
  ];
}

const INPUT_CHARS_MAX = 400;

/** All of it is in --json. */
function clipped(text: string): string {
  return text.length <= INPUT_CHARS_MAX ? text : `${text.slice(0, INPUT_CHARS_MAX)}…`;
}

function errorText(error: TaskErrorInfo): string {
  const { at, attempt, fence, nodeName, node, kind, message } = error;
  return `${at} attempt ${attempt} fence ${fence} on ${nodeName ?? node}: ${kind}: ${message}`;
}
