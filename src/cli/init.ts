/** `stolos init`: writes a project of one's own, and says what to do with it. Their texts are in project/. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { VERSION } from "../node/version.ts";
import { type Command, EXIT } from "./command.ts";
import { parseChoice, parseOptions, UsageError } from "./options.ts";
import { jsonLine, printable } from "./output.ts";
import {
  type Manifest,
  PROJECT_RUNTIMES,
  projectName,
  type ProjectOptions,
  runtimeOf,
} from "./project/options.ts";
import { originOf } from "./project/origin.ts";
import { linesOf, nextSteps, projectFiles } from "./project/project.ts";

const HELP = `Usage: stolos init [DIR] [--runtime node|bun|deno] [--name NAME] [--json]

Writes a small project into DIR (default: this directory): a task with its handler, a peer, a client, a test
on virtual time, a compose file for three peers, a README. It overwrites nothing: where one of its files is
there already it writes none. To a package.json it adds what is missing.

  --runtime R  what runs it: node, bun or deno (default: what runs this)
  --name NAME  of the project, and the namespace of its cluster (default: the directory's)
  --json       one JSON object on stdout
  --help       this text`;

const OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  runtime: { type: "string" },
  name: { type: "string" },
} as const;

const RUNTIME_NAME = { node: "Node", bun: "Bun", deno: "Deno" } as const;

export const init: Command = {
  name: "init",
  summary: "write a small project of your own: a handler, a peer, a client, a test",
  help: HELP,
  run(args, terminal) {
    const { values, positionals } = parseOptions("init", args, OPTIONS);
    const [given = ".", extra] = positionals;
    if (extra !== undefined) throw new UsageError(`Cannot run "stolos init": unexpected argument "${extra}"`);
    const directory = resolve(given);
    const runtime = values.runtime === undefined
      ? runtimeOf(process)
      : parseChoice("runtime", values.runtime, PROJECT_RUNTIMES);
    const manifest = manifestIn(directory);
    const options: ProjectOptions = {
      name: projectName(values.name, directory),
      runtime,
      origin: originOf(directory),
      ...(manifest === undefined ? {} : { manifest }),
    };
    const files = projectFiles(options, VERSION);
    writeAll(directory, files);
    const steps = nextSteps(options, VERSION);
    if (values.json) {
      const { name } = options;
      const next = steps.map(({ command }) => command);
      terminal.print(jsonLine({ directory, name, runtime, files: Object.keys(files), next }));
      return Promise.resolve(EXIT.done);
    }
    const place = relative("", directory);
    const enter = place === "" ? [] : [{ command: `cd ${printable(place)}`, what: "" }];
    terminal.print(`Wrote ${options.name}, a project for ${RUNTIME_NAME[runtime]}. Next:\n`);
    for (const line of linesOf([...enter, ...steps])) terminal.print(`  ${line}`);
    return Promise.resolve(EXIT.done);
  },
};

function manifestIn(directory: string): Manifest | undefined {
  const file = join(directory, "package.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Manifest;
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws UsageError when one of them is there, or none can be written: then none has been */
function writeAll(directory: string, files: Readonly<Record<string, string>>): void {
  const names = Object.keys(files);
  const there = names.filter((name) => name !== "package.json" && existsSync(join(directory, name)));
  if (there.length > 0) {
    throw new UsageError(
      `Cannot write a project into ${directory}: it has ${there.join(", ")} already; nothing was written. ` +
        `"stolos init DIR" makes a new directory`,
    );
  }
  try {
    mkdirSync(directory, { recursive: true });
    for (const name of names) {
      // what has come since is not overwritten either
      writeFileSync(join(directory, name), files[name]!, name === "package.json" ? {} : { flag: "wx" });
    }
  } catch (error) {
    throw new UsageError(`Cannot write a project: ${error instanceof Error ? error.message : error}`);
  }
}
