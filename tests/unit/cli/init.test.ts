/** `stolos init` on directories: what it writes, and what it leaves alone. */
import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { init } from "../../../src/cli/init.ts";
import { PROJECT_RUNTIMES } from "../../../src/cli/project/options.ts";
import type { Terminal } from "../../../src/cli/output.ts";

const ROOT = join(import.meta.dirname, "../../..");
const directory = mkdtempSync(join(tmpdir(), "stolos-init-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const terminal = { print: (line: string) => void lines.push(line) } as unknown as Terminal;
  expect(await init.run(args, terminal, new AbortController().signal)).toBe(0);
  return lines;
}

const place = (name: string): string => join(directory, name);
const readJson = (...path: readonly string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(directory, ...path), "utf8"));

/** A directory with these files. */
function given(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(place(name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(place(name), file), text);
  return place(name);
}

test("each runtime gets its own files, and nothing else is written", async () => {
  const common = [".dockerignore", ".gitignore", "Dockerfile", "README.md", "cluster.ts", "compose.yaml"];
  const programs = ["count.test.ts", "count.ts", "peer.ts", "submit.ts"];
  for (const runtime of PROJECT_RUNTIMES) {
    await run(place(`files-${runtime}`), "--runtime", runtime);
    const npm = runtime === "node" ? [".npmrc"] : [];
    const own = runtime === "deno" ? ["deno.json"] : ["package.json", "tsconfig.json", ...npm];
    expect(readdirSync(place(`files-${runtime}`)).sort()).toEqual([...common, ...programs, ...own].sort());
  }
  expect(readdirSync(directory).sort()).toEqual(["files-bun", "files-deno", "files-node"]);
});

test("it says what to do next", async () => {
  const lines = await run(place("next"), "--runtime", "node", "--name", "eu-tasks");
  expect(lines[0]).toBe("Wrote eu-tasks, a project for Node. Next:\n");
  expect(lines.slice(1).map((line) => line.replace(/ *#.*/, "").trim())).toEqual([
    expect.stringMatching(/^cd .*next$/),
    `npm pack --silent ${relative(place("next"), ROOT)}`,
    "npm install",
    "npm run test",
    "npm run peer",
    "npm run submit",
  ]);
  expect(readJson("next", "package.json")["name"]).toBe("eu-tasks");
  expect(readFileSync(join(place("next"), "cluster.ts"), "utf8")).toContain('namespace: "eu-tasks"');
});

test("docs/install.md shows what it says from a checkout beside the project", async () => {
  const lines = await run(place("my-tasks"), "--runtime", "node");
  // as wide as where these lie, so that what stands behind the commands is aligned anew
  const plain = (text: string): string => text.replaceAll(/ +#/g, " #");
  const said = plain(lines.slice(2).join("\n")).replace(relative(place("my-tasks"), ROOT), "../stolos");
  const page = plain(readFileSync(join(ROOT, "docs/install.md"), "utf8"));
  expect(page).toContain(`${lines[0]}\n  cd ../my-tasks\n${said}\n`);
});

test("--json is one object with the keys that docs/cli.md names", async () => {
  const lines = await run(place("json"), "--runtime", "deno", "--json");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toEqual({
    directory: place("json"),
    name: "json",
    runtime: "deno",
    files: expect.arrayContaining(["count.ts", "deno.json"]),
    next: ["deno task test", "deno task peer", "deno task submit"],
  });
});

test("it overwrites nothing, names what is there, and writes nothing then", async () => {
  const there = given("there", { "peer.ts": "mine", "README.md": "mine", "other.ts": "mine" });
  await expect(run(there, "--runtime", "node")).rejects.toThrow("it has peer.ts, README.md already");
  expect(readdirSync(there).sort()).toEqual(["README.md", "other.ts", "peer.ts"]);
  expect(readFileSync(join(there, "peer.ts"), "utf8")).toBe("mine");
});

test("it writes beside other files", async () => {
  const beside = given("beside", { LICENSE: "mine", "index.ts": "mine" });
  await run(beside, "--runtime", "bun");
  expect(readFileSync(join(beside, "LICENSE"), "utf8")).toBe("mine");
  expect(existsSync(join(beside, "peer.ts"))).toBe(true);
});

test("what a package.json says stays, and what it lacks is added", async () => {
  const manifest = {
    description: "mine",
    scripts: { test: "mine" },
    dependencies: { stolos: "file:../stolos.tgz", zod: "^4.0.0" },
  };
  const lines = await run(given("own", { "package.json": JSON.stringify(manifest) }), "--runtime", "node");
  expect(lines.join("\n")).not.toContain("npm pack");
  expect(readJson("own", "package.json")).toMatchObject({
    ...manifest,
    type: "module",
    scripts: { test: "mine", peer: "node peer.ts" },
  });
});

test("Deno takes what npm has installed from there", async () => {
  const manifest = JSON.stringify({ dependencies: { stolos: "file:../stolos.tgz" } });
  await run(given("npm", { "package.json": manifest }), "--runtime", "deno");
  expect(readFileSync(join(place("npm"), "package.json"), "utf8")).toBe(manifest);
  const { imports, links, nodeModulesDir } = readJson("npm", "deno.json");
  expect([imports, links, nodeModulesDir]).toEqual([undefined, undefined, "manual"]);
});

test.each([
  [{ "package.json": '{"type":"commonjs"}' }, 'package.json has the type "commonjs"; make it "module"'],
  [{ "package.json": "{" }, "package.json: "],
])("a package.json that does not fit is refused, and nothing written", async (files, says) => {
  const name = `unfit-${files["package.json"].length}`;
  await expect(run(given(name, files), "--runtime", "node")).rejects.toThrow(says);
  expect(readdirSync(place(name))).toEqual(["package.json"]);
});

test("a place where nothing can be written is refused by name", async () => {
  const file = join(given("file", { plain: "" }), "plain");
  await expect(run(file, "--runtime", "deno")).rejects.toThrow("Cannot write a project: ");
  await expect(run(join(file, "below"), "--runtime", "deno")).rejects.toThrow("Cannot write a project: ");
});

test.each([
  [["b"], 'unexpected argument "b"'],
  [["--runtime", "perl"], "must be one of node, bun, deno"],
  [["--force"], "unknown option --force"],
])("%p is bad usage", async (args, says) => {
  await expect(run(place("never"), ...args)).rejects.toThrow(says);
  expect(existsSync(place("never"))).toBe(false);
});

test("the programs fit the types of this version, and are formatted and linted", async () => {
  for (const runtime of PROJECT_RUNTIMES) {
    const project = place(`checked-${runtime}`);
    await run(project, "--runtime", runtime);
    // in the form that deno fmt has by default
    for (const args of [["fmt", "--check"], ["lint"]]) {
      const { status, stderr } = spawnSync("deno", args, { cwd: project, encoding: "utf8" });
      expect([args, status, status === 0 ? "" : stderr]).toEqual([args, 0, ""]);
    }
    // with Deno they differ in nothing that is typed
    if (runtime === "deno") continue;
    const source = (path: string): string[] => [join(ROOT, path)];
    const paths = { stolos: source("mod.ts"), "stolos/testing": source("src/testing/kit.ts") };
    // the sources need more than the declarations do, which the packed project is checked with
    const lib = ["es2024", "esnext.disposable", "dom"];
    const compilerOptions = { paths, lib, typeRoots: source("node_modules/@types") };
    const config = { extends: "./tsconfig.json", compilerOptions, include: ["*.ts"] };
    writeFileSync(join(project, "tsconfig.check.json"), JSON.stringify(config));
    const { stdout } = spawnSync("tsc", ["-p", "tsconfig.check.json"], { cwd: project, encoding: "utf8" });
    expect([runtime, stdout]).toEqual([runtime, ""]);
  }
});

test("a project's tools are those of this version", async () => {
  const { devDependencies, engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  await run(place("tools"), "--runtime", "bun");
  const ours = readJson("tools", "package.json")["devDependencies"];
  expect(ours).toEqual({
    "@types/bun": devDependencies["@types/bun"],
    typescript: devDependencies.typescript,
  });
  await run(place("tools-node"), "--runtime", "node");
  expect(readJson("tools-node", "package.json")["engines"]).toEqual(engines);
});
