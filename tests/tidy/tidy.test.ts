/** The house rules, checked on the project itself. What a rule is and how it is found: tests/tidy/. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join, normalize } from "node:path";
import { arrowViolations, journeysOf, journeyViolations, readingViolations } from "./journeys.ts";
import {
  BELOW_BY_FOLDER,
  BELOW_BY_ROOM,
  circleViolations,
  deadFileViolations,
  importViolations,
} from "./layout.ts";
import { anchorsOf, besideViolations, commentViolations, pageViolations } from "./links.ts";
import {
  dependencyViolations,
  type Manifest,
  manifestViolations,
  publicModuleViolations,
} from "./manifests.ts";
import { VERSION } from "../../src/node/version.ts";
import { purityViolations } from "./purity.ts";
import { shapeViolations } from "./shape.ts";
import { sizeViolations } from "./size.ts";
import { listFiles, read, readProject, report, ROOT, type Violation } from "./source.ts";
import { fileNameViolations, pathViolations, wordViolations } from "./words.ts";

const sources = await readProject();
const npm = JSON.parse(read("package.json")) as Manifest;
const deno = JSON.parse(read("deno.json")) as Manifest;
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...listFiles(["docs"], ".md")];

/**
 * Where the project is entered: by users, by npm scripts, by the test runner and its settings, by a drill's
 * name, by a command that a page names.
 */
function roots(): readonly string[] {
  const texts = [...Object.values(npm.scripts ?? {}), ...pages.map(read)].join("\n");
  const preloaded = (read("bunfig.toml").match(/[\w./-]+\.ts\b/g) ?? []).map((path) => normalize(path));
  const named = texts.match(/[\w./-]+\.ts\b/g) ?? [];
  const tests = sources.map(({ path }) => path).filter((path) => path.endsWith(".test.ts"));
  const drills = sources.map(({ path }) => path).filter((path) => path.startsWith("tests/drills/"));
  return [
    "mod.ts",
    "src/cli/main.ts",
    "src/stolos-threads.ts",
    "src/cli/stolos.ts",
    ...tests,
    ...drills,
    ...preloaded,
    ...named.filter((path) => !path.startsWith("src/")),
  ];
}

function expectNone(violations: readonly Violation[]): void {
  if (violations.length > 0) {
    throw new Error(`${violations.length} against the house rules:\n${report(violations)}`);
  }
}

test("imports point one way", () => expectNone(importViolations(sources)));

test("no files of src import each other in a circle, types included", () => {
  expectNone(circleViolations(sources));
});

test("no file is dead", () => expectNone(deadFileViolations(sources, roots())));

test("files, functions and lines are short", () => expectNone(sizeViolations(sources)));

test("the protocol is pure", () => expectNone(purityViolations(sources)));

test("files have the house's shape", () => expectNone(shapeViolations(sources)));

test("names use the house's words", () => expectNone(wordViolations(sources)));

test("a file of one class bears its name", () => expectNone(fileNameViolations(sources)));

test("mod.ts exports what tests/exports.txt lists", () => {
  const listed = read("tests/exports.txt").split("\n").filter((line) => line !== "");
  expectNone(publicModuleViolations(sources.find(({ path }) => path === "mod.ts")!, listed));
});

test("src/testing/kit.ts exports what tests/exports-testing.txt lists", () => {
  const list = "tests/exports-testing.txt";
  const listed = read(list).split("\n").filter((line) => line !== "");
  const kit = sources.find(({ path }) => path === "src/testing/kit.ts")!;
  expectNone(publicModuleViolations(kit, listed, list));
});

test("the simulator is left out of what is published", () => {
  const build = JSON.parse(read("tsconfig.build.json")) as { readonly exclude: readonly string[] };
  const { publish } = JSON.parse(read("deno.json")) as { readonly publish: { exclude: readonly string[] } };
  expect([build.exclude, publish.exclude]).toEqual([["src/simulator"], ["src/simulator"]]);
});

test("both manifests agree", () => expectNone(manifestViolations(npm, deno)));

test("the version that the code says is the manifests'", () => expect(VERSION).toBe(npm.version));

test("every dependency is used and has its reason in docs/dependencies.md", () => {
  expectNone(dependencyViolations({ npm, sources, page: read("docs/dependencies.md") }));
});

test("nothing of one machine is written down", () => {
  const others = [
    ...pages,
    ...listFiles(["tests"], ".txt"),
    "LICENSE",
    "package.json",
    "deno.json",
    "tsconfig.json",
    ".ci/run",
    "package-lock.json",
  ];
  const texts = Object.fromEntries(others.map((path) => [path, read(path)]));
  expectNone(
    pathViolations({ ...texts, ...Object.fromEntries(sources.map(({ path, text }) => [path, text])) }),
  );
});

const tree = { has: (path: string) => existsSync(join(ROOT, path)), read };

test("pages lead to files and headings that are there", () => {
  expectNone(pages.flatMap((page) => pageViolations(page, tree)));
});

test("files that code opens beside itself are there", () => expectNone(besideViolations(sources, tree)));

test("comments name files that are there", () => expectNone(commentViolations(sources, tree)));

const map = "docs/architecture.md";

test.each([
  ["## The folders of `src`", BELOW_BY_FOLDER],
  ["## The rooms of `src/protocol`", BELOW_BY_ROOM],
])("%p of docs/architecture.md are as the layout has them", (heading, below) => {
  expectNone(arrowViolations(map, read(map), heading, below));
});

test("docs/architecture.md names ten files to read first", () => {
  expectNone(readingViolations(map, read(map), { heading: "## A reader's first hour", count: 10, sources }));
});

const journeys = journeysOf(read(map), "## Four journeys");

test("docs/architecture.md has four journeys", () => {
  expect(journeys.map(({ title }) => title)).toEqual([
    "A task from submit to done",
    "A lease from heartbeat to abort",
    "A node from join to install",
    "Bytes from socket to engine, and back",
  ]);
});

test.each(journeys.map((journey) => [journey.title, journey] as const))(
  "the journey %p goes from file to file as the code does",
  (_, journey) => expectNone(journeyViolations(map, journey, sources)),
);

test("a page that leads nowhere is found, a page that does not is left alone", () => {
  const textByPath: Readonly<Record<string, string>> = {
    "docs/good.md":
      "[a](../README.md) [b](bad.md#at-most-one-live-lease) [c](https://example.com/x.md) `src/a.ts`",
    "docs/bad.md": "### At most one, live lease\n[a](gone.md)\n[b](#gone)\n`src/gone.ts`\n```\n# gone\n```",
    "README.md": "",
    "src/a.ts": "",
  };
  const tree = { has: (path: string) => path in textByPath, read: (path: string) => textByPath[path] ?? "" };
  expect(pageViolations("docs/good.md", tree)).toEqual([]);
  expect(pageViolations("docs/bad.md", tree).map(({ line, message }) => `${line} ${message}`)).toEqual([
    "2 a link to docs/gone.md, which is not there",
    "3 a link to #gone, not a heading of docs/bad.md",
    "4 there is no src/gone.ts",
  ]);
  expect([...anchorsOf("## `exec`, the built-in handler")]).toEqual(["exec-the-built-in-handler"]);
});
