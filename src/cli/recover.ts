/** `stolos recover`: makes a cluster of what a lost majority left, offline. Loud, since it may lose tasks. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RecoverReport } from "../node/recover.ts";
import { type Command, EXIT } from "./command.ts";
import { expectPositionals, parseOptions, UsageError } from "./options.ts";
import { jsonLine, printable } from "./output.ts";

const HELP = `Usage: stolos recover --data DIR [--data DIR]… [--yes] [--json]

For when a majority is lost FOR GOOD: the disks of so many nodes that the cluster cannot go on.
Makes a new cluster of the nodes that are left, from their directories, with the best copy of
each partition. Stop all nodes first, gather the directories of ALL that are left on one host,
and give them at once: what is recovered from some of them alone is another cluster, and two
clusters never merge.

What only the lost nodes had is lost: tasks submitted last, results recorded last. Tasks may
run again that had ended. Lost nodes must never come back; if one does, it is refused.

  --data DIR   the directory given to the peer with --data; one for each node that is left
  --yes        do it; without it only what would be done is shown
  --json       one JSON object on stdout, with all ids

Either all directories are written or none. When it is cut off, run the same again.`;

const OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  data: { type: "string", multiple: true },
  yes: { type: "boolean" },
} as const;

/** Ids and partitions shown to people; --json has all. */
const SHOWN_MAX = 20;

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
    const module = await import("../node/recover.ts");
    const report = module.recover(values.data.map(stateIn), { write: values.yes });
    if (values.json) terminal.print(jsonLine(jsonOf(report, values.yes)));
    else for (const line of linesOf(report, values.yes)) terminal.print(printable(line));
    return EXIT.done;
  },
};

/** Where a peer keeps it, or, of a program of one's own, the directory of its store. */
function stateIn(directory: string): string {
  const state = resolve(directory, "state");
  return existsSync(state) || !existsSync(join(directory, "stolos.db")) ? state : resolve(directory);
}

function jsonOf(report: RecoverReport, isWritten: boolean): unknown {
  const { cluster, members, taskCount, doubtful, lost, from, missing, unused, stale, isNeeded } = report;
  return {
    written: isWritten,
    // made up anew each time until it is written
    cluster: isWritten || report.isUnfinished ? cluster : null,
    members,
    tasks: taskCount,
    doubtful,
    lost,
    from,
    missing,
    unused,
    stale,
    needed: isNeeded,
    unfinished: report.isUnfinished,
  };
}

function linesOf(report: RecoverReport, isWritten: boolean): readonly string[] {
  const { members, missing, unused, taskCount, isNeeded, isUnfinished } = report;
  const count = members.length === 1 ? "1 node" : `${members.length} nodes`;
  return [
    ...(isUnfinished ? ["An earlier run was cut off: this is what it found, and the rest is done."] : []),
    `A new cluster of ${count}: ${members.join(", ")}; from ${report.from}, with ${taskCount} tasks.`,
    ...missingLines(members, missing),
    ...unused.map((each) => `Not used: ${each}. Its node had been put out: start it on an empty one.`),
    ...lossLines(report),
    isWritten
      ? "Written. Take each directory to its host and start these peers. Destroy what the lost nodes had."
      : isNeeded
      ? "Nothing was written. Say --yes to do it."
      : "Nothing was written, and nothing need be: start these nodes as they are, and they go on.",
  ];
}

function missingLines(members: readonly string[], missing: readonly string[]): readonly string[] {
  if (missing.length === 0) return [];
  const { length } = members;
  const given = length === 1 ? "ONLY ONE directory is given" : `${length} directories are given`;
  return [
    `${given}; not those of ${missing.join(", ")}.`,
    "  If any of them is left, on whichever host, stop here: bring it, and give all at once.",
    "  What is recovered from some of them alone is another cluster, which never merges with the rest.",
  ];
}

function lossLines({ partitionCount, doubtful, lost, stale }: RecoverReport): readonly string[] {
  if (doubtful.length + lost.length === 0) return ["Nothing is lost."];
  const lines: string[] = [];
  if (lost.length > 0) {
    lines.push(
      `LOST: ${lost.length} of ${partitionCount} partitions have no copy left: ${ranges(lost)}.`,
      "  All their tasks are gone, and no disk that is left knows which there were.",
    );
  }
  if (doubtful.length > 0) {
    const which = `${doubtful.length} of ${partitionCount} partitions`;
    lines.push(
      `IN DOUBT: ${which} have less than a majority of their copies left: ${ranges(doubtful)}.`,
      "  What was submitted or recorded last in them may be gone.",
    );
  }
  if (stale.length > 0) {
    lines.push(
      `  ${stale.length} tasks of them have not ended as far as is known here: ${shortened(stale)}.`,
      "  They may have ended, and run again then.",
    );
  }
  return [
    ...lines,
    "Submit again, with the same ids, what must not be missing: what is there is not run twice.",
  ];
}

function shortened(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN_MAX).join(", ");
  return items.length <= SHOWN_MAX ? shown : `${shown} and ${items.length - SHOWN_MAX} more (--json has all)`;
}

/** "0-3, 7, 9-11" of ascending numbers. */
function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < numbers.length;) {
    let end = at;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    parts.push(end === at ? `${numbers[at]}` : `${numbers[at]}-${numbers[end]}`);
    at = end + 1;
  }
  return shortened(parts);
}
