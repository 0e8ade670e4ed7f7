/**
 * Tries the ways of ways.ts: a copy of what the checkout publishes, with its `node_modules` and the tarball,
 * and beside it a folder for each way with the programs of docs/install.md.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { blocksOf, isProgram } from "./doc-blocks.ts";
import { pack } from "./packed.ts";
import type { Cell, Way } from "./ways.ts";

const ROOT = join(import.meta.dirname, "../..");
const PUBLISHED = ["mod.ts", "src", "deno.json", "package.json", "README.md", "CHANGELOG.md", "LICENSE"];
const TIMEOUT_MS = 600_000;

/** What became of a command. */
export interface Tried {
  readonly holds: boolean;
  readonly output: string;
}

/** The page's own program and its test; what Jest runs has no types. */
function programs(): Readonly<Record<string, string>> {
  const blocks = blocksOf("docs/install.md").filter(isProgram).map(({ code }) => code);
  const test = blocks.find((code) => code.includes("bun:test")) ?? "";
  const program = blocks.find((code) => code.includes("createNode")) ?? "";
  const under = (runner: string): string => test.replace("bun:test", runner);
  const required = program
    .replace(/<\{[^(]*>\(/, "(")
    .replace(/import (\{.*\}) from "stolos"/, 'const $1 = require("stolos")')
    .replace(/^await using [^]*/m, (rest) => `(async () => {\n${rest}})();\n`);
  return {
    "own.ts": program,
    "own.cjs": required,
    "all.ts": 'export * from "stolos";\nexport * from "stolos/testing";\n',
    "own.bun.test.ts": test,
    "own.node.test.ts": under("node:test"),
    "own.vitest.test.ts": under("vitest"),
    "own.jest.test.mjs": under("@jest/globals").replace(/<\{[^(]*>\(/, "("),
  };
}

/** Both resolutions, with and without the DOM, with and without a look at the declarations of others. */
function tsconfigs(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const moduleResolution of ["nodenext", "bundler"]) {
    for (const dom of ["", "-dom"]) {
      for (const check of ["strict", "skip"]) {
        const compilerOptions = {
          ...{ moduleResolution, module: moduleResolution === "nodenext" ? "nodenext" : "esnext" },
          ...{ target: "es2022", lib: dom === "" ? ["es2022"] : ["es2022", "dom"], types: ["node"] },
          ...{ strict: true, noEmit: true, skipLibCheck: check === "skip" },
        };
        const text = JSON.stringify({ compilerOptions, files: ["own.ts", "all.ts"] });
        files[`tsconfig-${moduleResolution}${dom}-${check}.json`] = text;
      }
    }
  }
  return files;
}

interface Ran {
  readonly status: number | null;
  readonly output: string;
}

function run(command: string, cwd: string): Ran {
  const { FORCE_COLOR: _, ...rest } = process.env;
  const env = {
    ...{ ...rest, PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${rest.PATH ?? ""}`, NO_COLOR: "1" },
    ...{ npm_config_audit: "false", npm_config_fund: "false", npm_config_update_notifier: "false" },
  };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
    ...{ cwd, env, encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" },
  });
  return { status, output: `${stdout}${stderr}`.trim() };
}

/** Writes the programs and tsconfigs into a folder. */
export function layPrograms(folder: string, from = "stolos"): void {
  for (const [name, code] of Object.entries({ ...programs(), ...tsconfigs() })) {
    writeFileSync(join(folder, name), code.replaceAll('"stolos"', JSON.stringify(from)));
  }
}

/** Tries a cell in a folder where all is ready. */
export function tryCell(cell: Cell, folder: string): Tried {
  const { status, output } = run(cell.script ?? cell.command, folder);
  const holds = cell.prints
    ? status === 0 && cell.prints.test(output)
    : status !== 0 && cell.refuses?.test(output) === true;
  return { holds, output };
}

export class WayLab implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "stolos-ways-"));
  readonly #checkout = join(this.directory, "stolos");
  readonly #done = new Set<string>();

  constructor() {
    mkdirSync(this.#checkout);
    for (const name of PUBLISHED) {
      cpSync(join(ROOT, name), join(this.#checkout, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.#checkout, "node_modules"));
  }

  /** Lays out the folder of a way and installs what it needs, each once. Returns what failed, if it did. */
  prepare(way: Way): string | null {
    const folder = join(this.directory, way.folder);
    const folders = [folder, ...way.cells.flatMap(({ below }) => below ? [join(folder, below)] : [])];
    for (const each of new Set(folders)) {
      mkdirSync(each, { recursive: true });
      if (each !== this.#checkout) layPrograms(each, way.from);
    }
    for (const [name, text] of Object.entries(way.files ?? {})) {
      if (!this.#isNew(join(folder, name))) continue;
      writeFileSync(join(folder, name), `${text}\n`);
    }
    for (const command of way.setUp ?? []) {
      if (!this.#isNew(`${folder} ${command}`)) continue;
      if (command.includes(".tgz") && !existsSync(join(this.#checkout, ".packed"))) this.#pack();
      const { status, output } = run(command, folder);
      if (status !== 0) return `${command}: ${output}`;
    }
    return null;
  }

  try(way: Way, cell: Cell): Tried {
    return tryCell(cell, join(this.directory, way.folder, cell.below ?? ""));
  }

  /** Whether npm's registry answers, or Deno has what it would ask for. */
  hasNpm(): boolean {
    writeFileSync(join(this.directory, "npm.ts"), 'import "npm:uint8arrays@^6.1.1/equals";\n');
    return run("deno run npm.ts", this.directory).status === 0;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #pack(): void {
    pack(this.#checkout);
    writeFileSync(join(this.#checkout, ".packed"), "");
  }

  #isNew(what: string): boolean {
    const isNew = !this.#done.has(what);
    this.#done.add(what);
    return isNew;
  }
}
