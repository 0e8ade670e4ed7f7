/**
 * Every way into a program of one's own, tried as docs/install.md has it, and its tables printed with what
 * came of it. It packs, and installs from npm's registry; --way WORD tries those whose title has the word.
 */
import { optionOf } from "../sim/options.ts";
import { runShow, seconds } from "../support/drill.ts";
import { WayLab } from "../support/way-lab.ts";
import { type Cell, tableOf, WAYS } from "../support/ways.ts";

const WORD = optionOf("way", "").toLowerCase();
const OUTPUT_LINES = 12;

await runShow("every way in", (report) => {
  using lab = new WayLab();
  const hasNpm = lab.hasNpm();
  const tables: string[] = [];
  for (const way of WAYS.filter(({ title }) => title.toLowerCase().includes(WORD))) {
    if (way.needsNpm && !hasNpm) {
      report.say(`skip  ${way.title}: npm's registry does not answer`);
      continue;
    }
    const problem = lab.prepare(way);
    if (problem !== null) {
      report.check(`${way.title} is set up`, false, problem);
      continue;
    }
    const failed = new Set<Cell>();
    for (const cell of way.cells.filter(({ prints, refuses }) => prints ?? refuses)) {
      const startedMs = performance.now();
      const { holds, output } = lab.try(way, cell);
      if (!holds) failed.add(cell);
      const seen = output.split("\n").slice(-OUTPUT_LINES).join("\n");
      const took = seconds(performance.now() - startedMs);
      report.check(`${way.title}, ${cell.on}: ${cell.command}`, holds, holds ? took : seen);
    }
    const outcomeOf = (cell: Cell): string => failed.has(cell) ? "FAILED" : cell.outcome;
    tables.push(`### ${way.title}\n\n${tableOf(way, outcomeOf)}\n`);
  }
  console.log(`\n${tables.join("\n")}`);
  return Promise.resolve();
});
