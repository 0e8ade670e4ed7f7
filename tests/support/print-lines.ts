/**
 * Prints lines as the commands of `stolos` do: `print-lines.ts print N` results, `event N` events of 1,000
 * characters, 100 each 20 ms, then on stderr for how long the event loop stood still. The reader is the
 * test's.
 */
import { EXIT } from "../../src/cli/command.ts";
import { droppedEvents, processTerminal } from "../../src/cli/output.ts";

const [how, count] = [process.argv[2], Number(process.argv[3])];
const terminal = processTerminal(() => {});
let lastMs = performance.now();
let longestMs = 0;
const timer = setInterval(() => {
  longestMs = Math.max(longestMs, performance.now() - lastMs);
  lastMs = performance.now();
}, 20);
for (let number = 1; number <= count; number++) {
  const line = `${number} `.padEnd(1000, "x");
  if (how === "event") terminal.event(line, (dropped) => droppedEvents(dropped, true));
  else {
    terminal.print(line);
    await terminal.drained();
  }
  if (number % 100 === 0) await new Promise((resolve) => setTimeout(resolve, how === "event" ? 20 : 1));
}
terminal.note(JSON.stringify({ longestMs }));
await terminal.flushed();
clearInterval(timer);
process.exit(terminal.isCutOff ? EXIT.cutOff : EXIT.done);
