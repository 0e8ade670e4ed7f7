/** `stolos retention`: for how long the cluster knows tasks that have ended. */
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, timeoutMsOf } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, given, parseDurationMs, parseOptions } from "./options.ts";
import { fields, humanDuration, jsonLine } from "./output.ts";

const OPTIONS = {
  ...CLIENT_OPTIONS,
  completed: { type: "string" },
  failed: { type: "string" },
} as const;

export const retention: Command = {
  name: "retention",
  summary: "show or change for how long ended tasks are known",
  help: `Usage: stolos retention [OPTION]…

Shows for how long the cluster knows tasks that have ended. With options it changes that, for good and for
all tasks that were submitted without a retention of their own. It is kept with the tasks, whichever nodes
come and go.

  --completed D   of tasks that completed (at first 1h)
  --failed D      of tasks that failed or were killed (at first 7d)
${CLIENT_HELP}`,
  async run(args, terminal) {
    const { values, positionals } = parseOptions("retention", args, OPTIONS);
    expectPositionals("retention", positionals, []);
    const wanted = {
      ...given("completedMs", values.completed, (text) => parseDurationMs("completed", text)),
      ...given("failedMs", values.failed, (text) => parseDurationMs("failed", text)),
    };
    const timeoutMs = timeoutMsOf(values);
    await using client = await connect(values);
    const isChange = Object.keys(wanted).length > 0;
    const { completedMs, failedMs } = isChange
      ? await client.setRetention(wanted, { timeoutMs })
      : await client.retention({ timeoutMs });
    if (values.json) terminal.print(jsonLine({ completedMs, failedMs }));
    else {
      const pairs: [string, string][] = [
        ["completed", humanDuration(completedMs)],
        ["failed", humanDuration(failedMs)],
      ];
      for (const line of fields(pairs)) terminal.print(line);
    }
    return EXIT.done;
  },
};
