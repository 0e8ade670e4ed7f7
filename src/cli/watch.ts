/** `stolos watch`: what becomes of tasks, as it happens, until it is interrupted. */
import type { TaskEvent } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { droppedEvents, jsonLine, printable } from "./output.ts";

const HELP = `Usage: stolos watch [OPTION]…

Prints the tasks that run now, then every change of a task's owner or state, until SIGINT or SIGTERM.
These are hints that the members gossip: late, and not always complete. "stolos task ID" asks the quorum.

${CLIENT_HELP}`;

export const watch: Command = {
  name: "watch",
  summary: "print what becomes of tasks as it happens",
  help: HELP,
  async run(args, terminal, closed) {
    const { values, positionals } = parseOptions("watch", args, CLIENT_OPTIONS);
    expectPositionals("watch", positionals, []);
    const interrupted = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());
    const signal = AbortSignal.any([interrupted.signal, closed]);
    const ended = new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null)));
    await using client = await Promise.race([connect(values), ended]);
    if (client === null) return EXIT.done;
    const print = (line: string): void =>
      terminal.event(line, (dropped) => droppedEvents(dropped, values.json));
    const onGap = (): void => {
      const time = new Date().toISOString();
      if (values.json) print(jsonLine({ event: "gap", time }));
      else {print(
          `${time.slice(11, 23)} … changes are missing here: the member that was asked is gone, or busy`,
        );}
    };
    for await (const event of client.watch({ signal, onGap })) {
      print(values.json ? jsonLine(watchForm(event)) : watchText(event, new Date()));
    }
    return EXIT.done;
  },
};

/** The contract's form, its keys in the contract's order. */
function watchForm(event: TaskEvent): Record<string, unknown> {
  const { id, state, owner, ownerName, fence } = event;
  return { id, state, owner, ownerName, fence };
}

/** The same for people: the time of day, the state, the task, who runs it. */
export function watchText({ id, state, ownerName, owner, fence }: TaskEvent, at: Date): string {
  const where = owner === null ? "" : `  on ${printable(ownerName ?? owner)}`;
  return `${at.toISOString().slice(11, 23)} ${state.padEnd(9)} ${printable(id)}  fence ${fence}${where}`;
}
