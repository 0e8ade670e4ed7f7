/** `stolos recover`: makes a cluster of what a lost majority left, offline. Loud, since it may lose tasks. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, EXIT } from "./command.ts";
import { expectPositionals, parseOptions, UsageError } from "./options.ts";
import { jsonLine } from "./output.ts";

const HELP = `Usage: stolos recover --data DIR [--data DIR]… [--yes] [--json]

For when a majority is lost FOR GOOD: the disks of so many nodes that the cluster cannot go on.
Makes a new cluster of the nodes that are left, from their directories, with the best copy of
each partition. Stop all nodes first, and give the directories of ALL that are left at once.

What only the lost nodes had is lost: tasks submitted last, results recorded last. Tasks may
run again that had ended. Lost nodes must never come back; if one does, it is refused.

  --data DIR   the directory given to the peer with --data; one for each node that is left
  --yes        do it; without it only what would be done is shown
  --json       one JSON object on stdout`;

const OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  data: { type: "string", multiple: true },
  yes: { type: "boolean" },
} as const;

export const recover: Command = {
  name: "recover",
  summary: "after a majority was lost for good: go on with what is left (offline)",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseOptions("recover", args, OPTIONS);
    expectPositionals("recover", positionals, []);
    if (values.data.length === 0) {
      throw new UsageError("Cannot recover: --data must name the directories that are left, got none");
    }
    const directories = values.data.map((directory) => resolve(directory, "state"));
    for (const directory of directories) {
      if (!existsSync(directory)) {
        throw new UsageError(`Cannot recover: there must be a node's state, got nothing at ${directory}`);
      }
    }
    const module = await import("../node/recover.ts");
    const { roster, taskCount, doubtful, empty } = await module.recover(directories, { write: values.yes });
    const members = roster.members.map((member) => member.name);
    if (values.json) {
      const { cluster } = roster;
      terminal.print(
        jsonLine({ written: values.yes, cluster, members, tasks: taskCount, doubtful, lost: empty }),
      );
      return EXIT.done;
    }
    const partitionCount = roster.chains.length;
    terminal.print(`A new cluster of ${members.length}: ${members.join(", ")}; ${taskCount} tasks.`);
    terminal.print(`${doubtful.length} of ${partitionCount} partitions kept less than a majority of copies:`);
    terminal.print("  what was recorded last in them may be gone, and tasks that had ended may run again.");
    terminal.print(
      `${empty.length} of ${partitionCount} partitions have no copy left: their tasks are gone.`,
    );
    terminal.print(
      values.yes
        ? "Written. Start these peers again, each with its --data. Destroy what the lost nodes had."
        : "Nothing was written. Say --yes to do it.",
    );
    return EXIT.done;
  },
};
