/**
 * What bundlers and `bun build --compile` make of programs with Stolos, by the commands of docs/install.md,
 * moved to an empty directory and run on each runtime. Then `stolos` as one file, and the demo with it.
 * esbuild and Rollup are installed for the drill alone, since nothing else needs them; without a registry
 * their rows say so. `node tests/drills/bundles.ts [--only NAME]`: what begins so, "stolos" is the last part.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { optionOf } from "../sim/options.ts";
import {
  installTools,
  pathWith,
  type Ran,
  type Recipe,
  recipes,
  run,
  writeProject,
} from "../support/bundled.ts";
import { eventually, type Report, runShow } from "../support/drill.ts";
import { packedProject } from "../support/packed.ts";

const ROOT = join(import.meta.dirname, "../..");
const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const LEASE_MS = 4000;
/** What is not in a row's cells is not to be had that way, as the page says. */
const COLUMNS = ["README", "store", "node", "thread", "client", "exec"] as const;
type Cells = Partial<Record<(typeof COLUMNS)[number], string>>;

const only = optionOf("only", "");
const rows: string[] = [];

const cell = (holds: boolean): string => holds ? "ok" : "FAIL";

function addRow(report: Report, name: string, runtime: string, cells: Cells): void {
  rows.push(`| ${name} | ${runtime} | ${COLUMNS.map((column) => cells[column] ?? "-").join(" | ")} |`);
  const seen = Object.entries(cells).map(([column, what]) => `${column} ${what}`).join(", ");
  report.check(`${name}, on ${runtime}`, Object.values(cells).every((each) => each === "ok"), seen);
}

/** What starts a bundled file on a runtime. */
function starterOf(runtime: Runtime): string[] {
  return [join(ROOT, "node_modules/.bin", runtime), ...(runtime === "deno" ? ["run", "-A"] : [])];
}

async function tryReadme(command: readonly string[], cwd: string): Promise<Cells> {
  const { status, text } = await run(command, cwd);
  const isDone = status === 0 && /completed[^]*slept/.test(text);
  if (!isDone) console.log(text);
  return { README: cell(isDone) };
}

async function tryParts(command: readonly string[], cwd: string): Promise<Cells> {
  const { text } = await run(command, cwd);
  const cells = {
    store: cell(existsSync(join(cwd, "state/stolos.db"))),
    node: cell(text.includes('node {"state":"completed","result":"hello node"}')),
    thread: cell(text.includes("thread 7")),
    client: cell(text.includes('client {"state":"completed","result":"hello client"}')),
  };
  if (!text.endsWith("stopped")) console.log(text);
  rmSync(join(cwd, "state"), { recursive: true, force: true });
  return cells;
}

type Stolos = (command: string, ...args: readonly string[]) => Promise<Ran>;

/** A peer of the `stolos` in `program`, started by `prefix`, and client commands of the same. */
async function withPeer<T>(
  { prefix, program, args }: Readonly<Record<"prefix" | "args", readonly string[]>> & { program: string },
  work: (stolos: Stolos, peer: PeerProcess) => Promise<T>,
): Promise<T> {
  const where = ["--namespace", `bundles-${process.pid}`];
  await using peer = new PeerProcess({
    runtime: "node",
    binary: program,
    prefix,
    args: [...where, "--no-mdns", "--expect", "1", ...args],
  });
  await peer.ready(60_000);
  const [address = ""] = await peer.addresses();
  const stolos: Stolos = (command, ...rest) =>
    run([...prefix, program, command, ...where, "--join", address, "--json", ...rest], ROOT);
  return await work(stolos, peer);
}

async function tryExec(prefix: readonly string[], program: string): Promise<Cells> {
  const { text } = await withPeer(
    { prefix, program, args: [] },
    (stolos) => stolos("submit", "--wait", "--", "true"),
  );
  if (!text.includes('"state":"completed"')) console.log(text);
  return { exec: cell(text.includes('"state":"completed"')) };
}

/** The page's command for each of its `app.ts`, and what it wrote moved away from the project. */
async function bundle(
  recipe: Recipe,
  programs: readonly string[],
  { project, place, tools }: Places,
): Promise<string> {
  const out = join(project, "out");
  rmSync(out, { recursive: true, force: true });
  const command = recipe.command.replace("app.ts", programs.map((name) => `${name}.ts`).join(" "));
  const { status, text } = await run(["sh", "-c", command], project, { PATH: pathWith(tools) });
  if (status !== 0) return text;
  rmSync(place, { recursive: true, force: true });
  renameSync(out, place);
  return "";
}

interface Places {
  readonly project: string;
  readonly tools: string;
  readonly place: string;
}

async function tryRecipe(report: Report, recipe: Recipe, places: Places): Promise<void> {
  const isCommonJs = recipe.name.includes("CommonJS");
  const isOneFile = recipe.name.includes("one file");
  const { place } = places;
  if (isOneFile) {
    const cells: Cells = {};
    for (const [name, attempt] of [["readme", tryReadme], ["parts", tryParts]] as const) {
      const problem = await bundle(recipe, [name], places);
      Object.assign(cells, problem === "" ? await attempt([join(place, "app")], place) : { [name]: problem });
    }
    return addRow(report, recipe.name, "none", cells);
  }
  const problem = await bundle(recipe, isCommonJs ? ["parts"] : ["readme", "parts", "cli"], places);
  if (problem !== "") return report.check(recipe.name, false, problem);
  writeFileSync(join(place, "package.json"), `{"type":"${isCommonJs ? "commonjs" : "module"}"}`);
  for (const runtime of recipe.name.includes("Bun alone") ? ["bun" as const] : RUNTIMES) {
    const start = starterOf(runtime);
    const cells = {
      ...(isCommonJs ? {} : await tryReadme([...start, "readme.js"], place)),
      ...await tryParts([...start, "parts.js"], place),
      ...(isCommonJs ? {} : await tryExec(start, join(place, "cli.js"))),
    };
    addRow(report, recipe.name, runtime, cells);
  }
  if (!isCommonJs) return;
  const refused = await bundle(recipe, ["readme"], places);
  report.check(
    "esbuild refuses a top-level await in CommonJS",
    refused.includes("Top-level await"),
    refused.split("\n")[0],
  );
}

/** Built by the npm script, into `directory`. */
async function buildStolos(directory: string): Promise<string> {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const program = join(directory, "stolos");
  const command = scripts.binaries!.replace("dist/bin/stolos", program);
  const { status, text } = await run(["sh", "-c", command], ROOT, { PATH: pathWith("") });
  if (status !== 0) throw new Error(`Cannot build ${program}: ${text}`);
  return program;
}

async function tryStolos(report: Report, directory: string, project: string): Promise<void> {
  mkdirSync(directory);
  const program = await buildStolos(directory);
  const version = await run([program, "--version"], directory);
  report.check("stolos --version", version.text === "0.1.0", version.text);
  const made = await run([program, "init", "made"], directory);
  report.check("stolos init", made.status === 0 && existsSync(join(directory, "made/peer.ts")));
  for (const file of ["handlers.ts", "page.ts", "twice.ts"]) {
    cpSync(join(project, file), join(directory, file));
  }
  const data = join(directory, "data");
  const args = ["--data", data, "--handlers", join(directory, "handlers.ts")];
  await withPeer({ prefix: [], program, args }, async (stolos, peer) => {
    const submit = async (claim: string, expected: string, ...rest: readonly string[]): Promise<void> => {
      const { text } = await stolos("submit", "--wait", ...rest);
      report.check(claim, text.includes(expected), text.split("\n").at(-1));
    };
    await submit("a handler of --handlers FILE.ts", '"result":6', "--task", "sum", "--input", "[1,2,3]");
    await submit("a handler in a thread", '"result":42', "--task", "twice", "--input", "21");
    await submit("exec", '"state":"completed"', "--", "true");
    const nodes = await stolos("nodes");
    report.check("stolos nodes", nodes.status === 0 && nodes.text.includes('"state":"up"'));
    report.check("the store of --data", existsSync(join(data, "state/stolos.db")));
    const pidFile = join(directory, "pid");
    await stolos("submit", "--", "sh", "-c", `echo $$ > ${pidFile}; exec sleep 1000`);
    await eventually(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"), 20_000);
    const pid = Number(readFileSync(pidFile, "utf8"));
    peer.signal("SIGKILL");
    const isGone = await eventually(() => !existsSync(`/proc/${pid}`), LEASE_MS);
    report.check("SIGKILL of the peer ends its command before the lease does", isGone);
  });
  const installed = ["--data", data, "--handlers", join(project, "with-package.ts")];
  await withPeer({ prefix: [], program, args: installed }, async (stolos) => {
    const { text } = await stolos("tasks", "--state", "completed");
    report.check("the store's tasks are there after a restart", text.split("\n").length === 3);
    const doubled = await stolos("submit", "--wait", "--task", "double", "--input", "21");
    report.check("handlers that import the package", doubled.text.includes('"result":42'), doubled.text);
  });
  const demo = await run([process.execPath, join(ROOT, "examples/demo.ts"), "--binary", program], ROOT);
  console.log(`\nnpm run demo -- --binary dist/bin/stolos\n${demo.text}\n`);
  report.check("the demo with it", demo.status === 0);
}

await runShow("bundles and single binaries", async (report, directory) => {
  using packed = packedProject();
  const project = packed.directory;
  writeProject(project);
  const tools = join(directory, "tools");
  const why = await installTools(tools, project);
  for (const recipe of recipes().filter(({ name }) => name.startsWith(only))) {
    const isInstalled = /^(esbuild|rollup)/.test(recipe.name);
    if (isInstalled && why !== null) {
      rows.push(`| ${recipe.name} | | not tried here: ${why} |`);
      continue;
    }
    await tryRecipe(report, recipe, { project, tools, place: join(directory, "moved") });
  }
  if ("stolos".startsWith(only)) await tryStolos(report, join(directory, "stolos"), project);
  if (rows.length === 0) return;
  console.log(`\n| made by | on | ${COLUMNS.join(" | ")} |\n|${"---|".repeat(COLUMNS.length + 2)}`);
  console.log(`${rows.join("\n")}\n`);
});
