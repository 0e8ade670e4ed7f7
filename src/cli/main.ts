#!/usr/bin/env node
/**
 * The `stolos` command: finds the command, runs it, turns its ending into an exit code. One file a command.
 */
import { meantBy } from "../base/arguments.ts";
import { VERSION } from "../node/version.ts";
import { type Command, EXIT, exitCodeOf } from "./command.ts";
import { endings } from "./endings.ts";
import { LEASH_COMMAND } from "./exec/leash-messages.ts";
import { id } from "./id.ts";
import { init } from "./init.ts";
import { leave } from "./leave.ts";
import { balance, drain, freeze, unfreeze } from "./node-commands.ts";
import { nodes } from "./nodes.ts";
import { UsageError } from "./options.ts";
import { printable, processTerminal, type Terminal } from "./output.ts";
import { peer } from "./peer.ts";
import { recover } from "./recover.ts";
import { retention } from "./retention.ts";
import { ring } from "./ring.ts";
import { submit } from "./submit.ts";
import { task } from "./task.ts";
import { taskCommands } from "./task-commands.ts";
import { tasks } from "./tasks.ts";
import { watch } from "./watch.ts";

const COMMANDS: readonly Command[] = [
  ...[peer, submit, tasks, task, ...taskCommands, ...endings, nodes, ring, watch],
  ...[freeze, unfreeze, balance, drain, leave, retention, id, init, recover],
];

const HELP = `Usage: stolos COMMAND [OPTION]…

${COMMANDS.map((command) => `  ${command.name.padEnd(12)}${command.summary}`).join("\n")}

"stolos COMMAND --help" says more. --version prints the version.
Exit codes: 0 done, 1 bad usage, 2 could not connect or no quorum in time,
3 the thing named does not exist, 4 the task ended failed or killed,
141 who read the output went away.`;

async function main(args: readonly string[], terminal: Terminal, closed: AbortSignal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    terminal.print(HELP);
    return EXIT.done;
  }
  if (name === "--version") {
    terminal.print(VERSION);
    return EXIT.done;
  }
  if (name === LEASH_COMMAND) {
    await import("./exec/leash.ts");
    return await new Promise<never>(() => {}); // it ends the process itself
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    const what = `unknown ${name.startsWith("-") ? "option" : "command"} "${name}"`;
    const meant = meantBy(name, COMMANDS.map((each) => each.name));
    const hint = meant === "" ? "" : ` is it "stolos ${meant}"?`;
    throw new UsageError(`Cannot run stolos: ${what};${hint} "stolos --help" lists the commands`);
  }
  const end = rest.indexOf("--");
  if ((end < 0 ? rest : rest.slice(0, end)).some((each) => each === "--help" || each === "-h")) {
    terminal.print(command.help);
    return EXIT.done;
  }
  return await command.run(rest, terminal, closed);
}

const closed = new AbortController();
const terminal = processTerminal(() => closed.abort());
let exitCode: number;
try {
  exitCode = await main(process.argv.slice(2), terminal, closed.signal);
} catch (error) {
  const known = exitCodeOf(error);
  exitCode = known ?? EXIT.usage;
  const text = error instanceof Error
    ? (known === undefined ? error.stack ?? error.message : error.message)
    : error;
  terminal.note(`stolos: ${known === undefined ? String(text) : printable(String(text))}`);
}
await terminal.flushed();
process.exitCode = exitCode === EXIT.done && terminal.isCutOff ? EXIT.cutOff : exitCode;
