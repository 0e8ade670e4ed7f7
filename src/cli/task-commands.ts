/** `stolos pause|resume|kill|release|checkpoint ID` and `stolos sleep ID DURATION`: commands to one task. */
import type { TaskMessage } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, timeoutMsOf } from "./connect.ts";
import { CLIENT_OPTIONS, durationMsOf, expectPositionals, given, parseOptions } from "./options.ts";
import { jsonLine, printable } from "./output.ts";

interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** What the help says it does. */
  readonly means: string;
  readonly arguments: readonly string[];
  message(more: string | undefined): TaskMessage;
}

const COMMAND_SPECS: readonly CommandSpec[] = [
  {
    name: "pause",
    summary: "stop a task until it is resumed",
    means: 'Pauses a task: its attempt ends, and there is no other until "stolos resume".',
    arguments: ["ID"],
    message: () => ({ type: "pause" }),
  },
  {
    name: "resume",
    summary: "let a task go on that is paused or sleeps",
    means: "Lets a task run that is paused or sleeps.",
    arguments: ["ID"],
    message: () => ({ type: "run" }),
  },
  {
    name: "kill",
    summary: "end a task for good",
    means: "Ends a task for good, as killed: once its handler has ended, or its lease.",
    arguments: ["ID"],
    message: () => ({ type: "kill" }),
  },
  {
    name: "release",
    summary: "make a task go to another node",
    means: "Ends the present attempt of a task; another node is preferred for the next.",
    arguments: ["ID"],
    message: () => ({ type: "release" }),
  },
  {
    name: "checkpoint",
    summary: "ask a task's handler for a checkpoint",
    means: "Asks a task's handler for a checkpoint; handlers that do not listen to commands make none.",
    arguments: ["ID"],
    message: () => ({ type: "checkpoint" }),
  },
  {
    name: "sleep",
    summary: "stop a task for some time",
    means: "Ends the present attempt of a task; the next starts after the duration (500ms, 4s, 10m, 2h, 7d).",
    arguments: ["ID", "DURATION"],
    message: (more = "") => ({ type: "sleep", forMs: durationMsOf("DURATION", more) }),
  },
];

const OPTIONS = { ...CLIENT_OPTIONS, "command-id": { type: "string" } } as const;

function commandOf(spec: CommandSpec): Command {
  const { name, summary, means } = spec;
  return {
    name,
    summary,
    help: `Usage: stolos ${name} [OPTION]… ${spec.arguments.join(" ")}

${means}
Done once a quorum has recorded it: then it is not lost, whoever dies. Prints whether it is "applied", as
nobody ran the task, or "queued": it goes to the node that runs it, after those before it.

  --command-id ID  repeated with the same id it counts once (default: a random one)
${CLIENT_HELP}`,
    async run(args, terminal) {
      const { values, positionals, rest } = parseOptions(name, args, OPTIONS);
      const named = [...positionals, ...rest ?? []];
      expectPositionals(name, named, spec.arguments);
      const [id = "", more] = named;
      const message = spec.message(more);
      const timeoutMs = timeoutMsOf(values);
      await using client = await connect(values);
      const status = await client.command(id, message, {
        timeoutMs,
        ...given("commandId", values["command-id"], (commandId) => commandId),
      });
      if (values.json) terminal.print(jsonLine({ id, command: name, status }));
      else terminal.print(`${printable(id)} ${status}`);
      return EXIT.done;
    },
  };
}

export const taskCommands: readonly Command[] = COMMAND_SPECS.map(commandOf);
