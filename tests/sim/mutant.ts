/**
 * Runs the simulator against a deliberately broken protocol: a copy of the sources in which one text was
 * replaced. The copy lives in a temporary folder, so the sources themselves stay as they are.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { RunReport, SimulateOptions } from "../../src/simulator/simulate.ts";

export interface Mutant {
  readonly name: string;
  /** Which guarantee goes, and the invariant that notices. */
  readonly breaks: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** Must occur there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Further replacements that belong to the same mistake. */
  readonly more?: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
  readonly profile: string;
  /** A seed that catches it, found by `node tests/sim/broken.ts`. */
  readonly seed: number;
}

export type Simulate = (seed: number, profile: string, options?: SimulateOptions) => RunReport;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Calls `use` with the simulator of the broken protocol.
 * @throws Error when the text to replace does not occur exactly once.
 */
export async function withMutant<T>(mutant: Mutant, use: (simulate: Simulate) => T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stolos-broken-"));
  try {
    for (const part of ["src/protocol", "src/simulator", "src/store", "src/testing"]) {
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    }
    if (existsSync(join(ROOT, "node_modules"))) {
      symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    }
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
    for (const { file, find, replace } of [mutant, ...mutant.more ?? []]) {
      const path = join(folder, file);
      const text = readFileSync(path, "utf8");
      const count = text.split(find).length - 1;
      if (count !== 1) {
        const what = `the text to replace must occur once in ${file}, got ${count} times: ${find}`;
        throw new Error(`Cannot break the protocol (${mutant.name}): ${what}`);
      }
      writeFileSync(path, text.replace(find, () => replace));
    }
    const { simulate } = await import(pathToFileURL(join(folder, "src/simulator/simulate.ts")).href) as {
      simulate: Simulate;
    };
    return use(simulate);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first seed in the range that catches the mutant. `begins` is called with each seed before it runs. */
export async function findSeed(
  mutant: Mutant,
  first: number,
  last: number,
  begins: (seed: number) => void = () => {},
): Promise<RunReport | null> {
  return await withMutant(mutant, (simulate) => {
    for (let seed = first; seed <= last; seed++) {
      begins(seed);
      const report = simulate(seed, mutant.profile);
      if (report.invariant !== "") return report;
    }
    return null;
  });
}
