/** Each house rule finds what it is for, and nothing else: small texts with one fault each. */
import { expect, test } from "bun:test";
import {
  circlesOf,
  circleViolations,
  deadFileViolations,
  importViolations,
  packageOf,
  roomArrows,
} from "./layout.ts";
import { arrowViolations, journeysOf, journeyViolations, readingViolations } from "./journeys.ts";
import { besideViolations, commentViolations } from "./links.ts";
import { purityViolations } from "./purity.ts";
import { shapeViolations } from "./shape.ts";
import { sizeViolations } from "./size.ts";
import { parse, type Source, type Violation } from "./source.ts";
import { fileNameViolations, pathViolations, wordsOf, wordViolations } from "./words.ts";

const HEAD = "/** What it is. */\n";

/** Parses the texts, each with a doc comment on its first line. */
function files(textByPath: Readonly<Record<string, string>>): Promise<readonly Source[]> {
  return parse(Object.fromEntries(Object.entries(textByPath).map(([path, text]) => [path, HEAD + text])));
}

function brief(violations: readonly Violation[]): readonly string[] {
  return violations.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

/** The folders of src from the bottom up. */
const LAYERS = ["protocol", "base", "coordinator", "client", "node"] as const;

test("a layer may import from those below it and from none above", async () => {
  const sources = await files(Object.fromEntries(LAYERS.map((layer) => [
    `src/${layer}/a.ts`,
    LAYERS.map((other) => `import "../${other}/a.ts";`).join("\n"),
  ])));
  const found = brief(importViolations(sources));
  for (const [at, layer] of LAYERS.entries()) {
    for (const [otherAt, other] of LAYERS.entries()) {
      const line = `src/${layer}/a.ts:${
        otherAt + 2
      } src/${layer} must not import from ${other}, got src/${other}/a.ts`;
      expect(found.includes(line)).toBe(otherAt > at);
    }
  }
  expect(found).toHaveLength(LAYERS.length * (LAYERS.length - 1) / 2);
});

test("the command line sees what every user sees, and src/node", async () => {
  const sources = await files({
    "mod.ts": "",
    "src/node/a.ts": "",
    "src/mesh/a.ts": "",
    "src/cli/a.ts": 'import "../../mod.ts";\nimport "../node/a.ts";\nimport "../mesh/a.ts";',
  });
  expect(brief(importViolations(sources))).toEqual([
    "src/cli/a.ts:4 src/cli must not import from mesh, got src/mesh/a.ts",
  ]);
});

test("the mesh and the store do not know each other", async () => {
  const sources = await files({
    "src/mesh/a.ts": 'import "../store/b.ts";',
    "src/store/b.ts": 'export { a } from "../mesh/a.ts";',
  });
  expect(importViolations(sources)).toHaveLength(2);
});

test("nothing in src but src/testing itself imports src/testing", async () => {
  const sources = await files({
    "src/testing/a.ts": 'import "../protocol/b.ts";',
    "src/protocol/b.ts": "",
    "src/node/c.ts": 'import "../testing/a.ts";',
    "tests/d.ts": 'import "../src/testing/a.ts";',
  });
  expect(brief(importViolations(sources))).toEqual([
    "src/node/c.ts:2 src/node must not import from testing, got src/testing/a.ts",
  ]);
});

/** The rooms of src/protocol, each with one that it may not look into, and one that it may. */
const ROOMS = [
  ["model", "wire", ""],
  ["wire", "state", "model"],
  ["state", "context", "model"],
  ["context", "log", "state"],
  ["log", "steward", "context"],
  ["roster", "log", "context"],
  ["holder", "steward", "wire"],
  ["client", "holder", "context"],
  ["steward", "holder", "log"],
] as const;

for (const [room, above, below] of ROOMS) {
  test(`src/protocol/${room} does not look into ${above}, nor out of its room`, async () => {
    const sources = await files({
      [`src/protocol/${room}/a.ts`]: [`../${above}/b.ts`, "../engine.ts", `../${below || room}/b.ts`]
        .map((to) => `import "${to}";`).join("\n"),
      [`src/protocol/${above}/b.ts`]: "",
      ...(below === "" ? { [`src/protocol/${room}/b.ts`]: "" } : { [`src/protocol/${below}/b.ts`]: "" }),
      "src/protocol/engine.ts": `import "./${room}/a.ts";`,
    });
    const from = `src/protocol/${room} must not import from`;
    expect(importViolations(sources).map(({ line, message }) => `${line} ${message}`)).toEqual([
      `2 ${from} ${above}, got src/protocol/${above}/b.ts`,
      `3 ${from} beside the rooms, got src/protocol/engine.ts`,
    ]);
  });
}

test("a new room of src/protocol needs a place in the layout", async () => {
  const sources = await files({
    "src/protocol/extras/a.ts": 'import "../model/b.ts";',
    "src/protocol/model/b.ts": "",
  });
  expect(importViolations(sources).map(({ message }) => message)).toEqual([
    "src/protocol/extras is not in the layout",
  ]);
});

test("arrows between rooms are counted", async () => {
  const sources = await files({
    "src/protocol/wire/a.ts": 'import "../model/b.ts";\nimport "./c.ts";',
    "src/protocol/wire/c.ts": 'import type { B } from "../model/b.ts";',
    "src/protocol/model/b.ts": "export interface B {}",
    "src/protocol/engine.ts": 'import "./wire/a.ts";',
  });
  expect(roomArrows(sources)).toEqual(["(root) → wire 1", "wire → model 2"]);
});

test("a circle of imports is found, also one of types, a chain is none", async () => {
  const sources = await files({
    "src/node/a.ts": 'import type { B } from "./b.ts";',
    "src/node/b.ts": 'import "./c.ts";\nexport interface B {}',
    "src/node/c.ts": 'const later = () => import("./a.ts");',
    "src/node/d.ts": 'import "./a.ts";\nimport "./e.ts";',
    "src/node/e.ts": 'import "./b.ts";',
    "src/cli/own.ts": 'import "./own.ts";',
    "tests/f.ts": 'import "./g.ts";',
    "tests/g.ts": 'import "./f.ts";',
  });
  expect(circlesOf(sources)).toEqual([
    ["src/node/a.ts", "src/node/b.ts", "src/node/c.ts"],
    ["src/cli/own.ts"],
  ]);
  expect(brief(circleViolations(sources))[0]).toBe(
    "src/node/a.ts:1 a circle of imports: src/node/a.ts, src/node/b.ts, src/node/c.ts",
  );
});

test("type imports and dynamic imports count as imports", async () => {
  const sources = await files({
    "src/store/a.ts": 'import type { N } from "../node/n.ts";\nconst later = () => import("../node/n.ts");',
    "src/node/n.ts": "export interface N {}",
  });
  expect(importViolations(sources).map(({ line }) => line)).toEqual([2, 3]);
});

test("the protocol imports no built-in module and no package but those that only compute", async () => {
  const sources = await files({
    "src/protocol/a.ts": 'import { readFileSync } from "node:fs";\nimport { encode } from "cborg";\n' +
      'import { equals } from "uint8arrays/equals";',
    "src/mesh/a.ts": 'import { readFileSync } from "node:fs";',
  });
  expect(importViolations(sources).map(({ path, line }) => `${path}:${line}`)).toEqual([
    "src/protocol/a.ts:2",
    "src/protocol/a.ts:3",
  ]);
});

test("an import of a missing file, of a test, or from an unknown folder is found", async () => {
  const sources = await files({
    "src/node/a.ts": 'import "./gone.ts";\nimport "../../tests/b.ts";',
    "tests/b.ts": "",
    "src/extras/c.ts": 'import "../node/a.ts";',
  });
  expect(brief(importViolations(sources))).toEqual([
    "src/node/a.ts:2 there is no src/node/gone.ts",
    "src/node/a.ts:3 src imports only from src, got tests/b.ts",
    "src/extras/c.ts:2 src/extras is not in the layout",
  ]);
});

test("the package of a specifier is known with and without a scope", () => {
  expect(packageOf("@libp2p/crypto/keys")).toBe("@libp2p/crypto");
  expect(packageOf("it-pipe")).toBe("it-pipe");
  expect(packageOf("typescript/unstable/ast")).toBe("typescript");
  expect([packageOf("node:fs"), packageOf("bun:test"), packageOf("./a.ts")]).toEqual([null, null, null]);
});

test("a file that no root reaches is dead, a spawned one is not", async () => {
  const sources = await files({
    "mod.ts": 'export { a } from "./src/a.ts";',
    "src/a.ts": 'const child = new URL("./child.ts", import.meta.url);',
    "src/child.ts": "",
    "src/dead.ts": 'import "./also-dead.ts";',
    "src/also-dead.ts": "",
  });
  expect(deadFileViolations(sources, ["mod.ts"]).map(({ path }) => path)).toEqual([
    "src/dead.ts",
    "src/also-dead.ts",
  ]);
});

test("a test alone keeps no part of the product alive but src/testing and src/simulator", async () => {
  const sources = await files({
    "mod.ts": "",
    "src/node/only-tested.ts": "",
    "src/simulator/simulate.ts": "",
    "tests/a.test.ts": 'import "../src/node/only-tested.ts";\nimport "../src/simulator/simulate.ts";',
  });
  const dead = deadFileViolations(sources, ["mod.ts", "tests/a.test.ts"]);
  expect(dead.map(({ path }) => path)).toEqual(["src/node/only-tested.ts"]);
});

test("600 lines in a file pass and 601 do not", async () => {
  const sources = await files({ "a.ts": "// x\n".repeat(599), "b.ts": "// x\n".repeat(600) });
  expect(brief(sizeViolations(sources))).toEqual(["b.ts:601 601 lines in a file, at most 600"]);
});

test("70 lines in a function pass and 71 do not, whatever kind of function", async () => {
  const body = (count: number): string => ` {\n${"  x();\n".repeat(count - 2)}}`;
  const kinds = [
    (code: string) => `function f()${code}`,
    (code: string) => `const f = () =>${code};`,
    (code: string) => `const f = async function ()${code};`,
    (code: string) => `class A { m()${code} }`,
    (code: string) => `class A { get v()${code} }`,
    (code: string) => `class A { constructor()${code} }`,
  ];
  for (const kind of kinds) {
    const sources = await files({ "fits.ts": `/** Doc. */\n${kind(body(70))}`, "long.ts": kind(body(71)) });
    expect(brief(sizeViolations(sources))).toEqual(["long.ts:2 71 lines in a function, at most 70"]);
  }
});

test("110 columns pass and 111 do not, counted in characters", async () => {
  const sources = await files({ "a.ts": `// ${"ü".repeat(107)}`, "b.ts": `// ${"x".repeat(108)}` });
  expect(brief(sizeViolations(sources))).toEqual(["b.ts:2 111 columns in a line, at most 110"]);
});

const IMPURE = [
  "const now = Date.now();",
  "const x = Math.random();",
  "const x = Math.log(2);",
  "const x = Math.exp(2);",
  "const x = Math.tanh(2);",
  "const x = Math.cbrt(2);",
  "const x = Math.pow(2, 0.5);",
  "const { log } = Math;",
  'const x = Math["random"]();',
  "setTimeout(() => {}, 1);",
  "queueMicrotask(() => {});",
  "const t = performance.now();",
  "async function f() {}",
  "const f = async () => {};",
  "class A { async m() {} }",
  "await x;",
  "for await (const a of b) {}",
  "let p: Promise<void>;",
  'const x = "a".localeCompare("b");',
  "for (const key in {}) {}",
  "const key = crypto.randomUUID();",
  "console.log(1);",
  "const x = globalThis.x;",
  "const u = import.meta.url;",
];
const impure = await files(Object.fromEntries(
  IMPURE.flatMap((code, at) =>
    ["protocol", "node"].map((layer) => [
      `src/${layer}/${at}.ts`,
      `
${code}`,
    ])
  ),
));

test.each(IMPURE.map((code, at) => [code, at] as const))("the protocol must not say %p", (_, at) => {
  const found = purityViolations(impure.filter(({ path }) => path.endsWith(`/${at}.ts`)));
  expect(found.length).toBeGreaterThan(0);
  expect(found.every(({ path, line }) => path.startsWith("src/protocol/") && line === 3)).toBe(true);
});

test("the protocol may do exact arithmetic, and speak of banned things in comments and strings", async () => {
  const code = "// Date.now(), await\n" +
    'const x = Math.floor(Math.max(1, 2)) + "Math.random()".length;\nfor (const a of b) {}';
  expect(purityViolations(await files({ "src/protocol/a.ts": code }))).toEqual([]);
});

const SHAPELESS: readonly (readonly [string, string])[] = [
  ["export default 1;", "no default exports"],
  ["export default function f() {}", "no default exports"],
  ["export default class A {}", "no default exports"],
  ["enum A { B }", "no enums: a union of strings"],
  ["const enum A { B }", "no enums: a union of strings"],
  ["namespace A { const b = 1; }", "no namespaces: a file is one"],
  ["class A { private b = 1; }", "no private: #name"],
  ["class A { protected b = 1; }", "no protected: compose"],
  ["class A { constructor(readonly b: number) {} }", "no parameter properties"],
  ['export { b } from "./b.ts";', "no re-exports but in mod.ts"],
  ['export * from "./b.ts";', "no re-exports but in mod.ts"],
  ["@a class B {}", "no decorators"],
  ["class A { b!: number; }", "no field that is set after the constructor: no field!: T"],
  ["class A { readonly #b!: number; }", "no field that is set after the constructor: no field!: T"],
  ['test("a", () => {}, 60_000);', "no limit of a test's own: tests/support/limit.ts"],
  ['test.skipIf(b)("a", () => {}, 60_000);', "no limit of a test's own: tests/support/limit.ts"],
  ["beforeAll(() => {}, 500);", "no limit of a test's own: tests/support/limit.ts"],
];
const shapeless = await files(Object.fromEntries(SHAPELESS.map(([code], at) => [`src/${at}.ts`, code])));

test.each(SHAPELESS.map((row, at) => [...row, at] as const))("%p is found", (_, message, at) => {
  expect(brief(shapeViolations([shapeless[at]!]))).toContain(`src/${at}.ts:2 ${message}`);
});

test("a switch with a default, a named re-export in mod.ts and #private are fine", async () => {
  const sources = await files({
    "src/a.ts":
      "class A { #b = 1; }\nswitch (c) { default: d(); }\nexport { A };\ndeclare global { var e: number; }",
    "mod.ts": 'export { A } from "./src/a.ts";',
  });
  expect(shapeViolations(sources)).toEqual([]);
});

test("a field that the constructor sets or that may be empty is fine, and in tests any", async () => {
  const sources = await files({
    "src/a.ts": "class A { b: number; c?: number; #d = e!; constructor(b: number) { this.b = b; } }",
    "tests/a.ts": "class A { b!: number; }",
  });
  expect(shapeViolations(sources)).toEqual([]);
});

test("a test may go on for longer than the others may", async () => {
  const sources = await files({ "tests/a.test.ts": 'test("a", () => {}, 3_600_000);\nit.takes(5);' });
  expect(shapeViolations(sources)).toEqual([]);
});

test("a file without a doc comment at its top is found, a hashbang may come first", async () => {
  const sources = await parse({
    "src/a.ts": "// a line comment\n/** too late */\n",
    "src/b.ts": "import './c.ts';\n",
    "src/c.ts": "#!/usr/bin/env node\n/** Fine. */\n",
  });
  expect(shapeViolations(sources).map(({ path }) => path)).toEqual(["src/a.ts", "src/b.ts"]);
});

test("file names are kebab-case", async () => {
  const sources = await files({
    "src/someFile.ts": "",
    "src/Some.ts": "",
    "src/a_b.ts": "",
    "src/a-b2.test.ts": "",
  });
  expect(shapeViolations(sources)).toHaveLength(3);
});

test("names are read word by word", () => {
  expect(wordsOf("isJobLeader")).toEqual(["is", "job", "leader"]);
  expect(wordsOf("HTTPLock2")).toEqual(["http", "lock"]);
  expect(wordsOf("#virtual-clock_BLOCK")).toEqual(["virtual", "clock", "block"]);
});

test.each([
  "const job = 1;",
  "class LockTable {}",
  "x.isLeader();",
  "interface A { jobs: 1 }",
  "class A { #master = 1; }",
])(
  "the word in %p is found",
  async (code) => {
    const sources = await files({ "src/a.ts": code, "tests/a.ts": code });
    expect(wordViolations(sources).map(({ path, line }) => `${path}:${line}`)).toEqual(["src/a.ts:2"]);
  },
);

test("clock, block and masterless are no banned words, nor is a word in a comment", async () => {
  const code = "// a job for the leader\nconst clock = block(masterless);";
  expect(wordViolations(await files({ "src/a.ts": code }))).toEqual([]);
});

test("leader and lock are for files of these features alone", async () => {
  const sources = await files({
    "src/client/locks.ts": "const lockName = 1;\nconst leaderId = 2;",
    "src/client/leader.ts": "const isLeader = true;",
    "src/client/client.ts": "const lock = 1;",
  });
  expect(brief(wordViolations(sources))).toEqual([
    "src/client/locks.ts:3 leaderId: say steward, not leader",
    "src/client/client.ts:2 lock: say lease, not lock",
  ]);
});

test("words of the first layout are found in the protocol, in names and in file names", async () => {
  const sources = await files({
    "src/protocol/log/reign.ts": "const beatMs = 1;\nconst heartbeatMs = 2;\nconst foreign = 3;",
    "src/consumer/beat.ts": "const beat = 1;",
  });
  expect(brief(wordViolations(sources))).toEqual([
    "src/protocol/log/reign.ts:1 reign.ts: say term, not reign",
    "src/protocol/log/reign.ts:2 beatMs: say heartbeat, not beat",
  ]);
});

test("a file of one class bears its name, its folder's words understood; others are free", async () => {
  const sources = await files({
    "src/a/balancers/fair.ts": "export class FairBalancer {}\nexport interface Options {}",
    "src/a/ticket-tables.ts": "export class TicketTable {}",
    "src/a/desk.ts": "export class Steward {}",
    "src/a/two.ts": "export class One {}\nexport const other = 1;",
    "src/a/errors.ts": "export class BadError extends Error {}",
    "tests/b.ts": "export class Other {}",
  });
  expect(brief(fileNameViolations(sources))).toEqual([
    "src/a/desk.ts:1 the file of Steward does not bear its name",
  ]);
});

test("a path of one machine is found in any text", () => {
  const folder = ["", "home", "me"].join("/");
  const found = pathViolations({
    "a.md": `fine: ./home/me\nsee ${folder}/x`,
    "b.json": `{"a":"${folder}"}`,
    "c.ts": "a/home/b",
  });
  expect(found.map(({ path, line }) => `${path}:${line}`)).toEqual(["a.md:2", "b.json:1"]);
});

test("a comment that names a file that is gone, of another room or itself is found", async () => {
  const sources = await files({
    "src/a/b/c.ts": "// d.ts, up.ts, b/d.ts and mod.ts are found: mod.ts above\n/* e/f.ts */",
    "src/a/b/d.ts": '/**\n * gone.ts, and d.ts\n */\n// f.ts\nconst x = "gone.ts"; // ./gone.ts',
    "src/a/up.ts": "",
    "src/a/e/f.ts": "",
    "mod.ts": "// gone.ts",
  });
  const known = new Set(sources.map(({ path }) => path));
  expect(brief(commentViolations(sources, { has: (path) => known.has(path) }))).toEqual([
    "src/a/b/d.ts:3 a comment names gone.ts, which is neither beside it nor in a folder above",
    "src/a/b/d.ts:3 a comment that names its own file",
    "src/a/b/d.ts:5 a comment names f.ts, which is neither beside it nor in a folder above",
  ]);
});

test("a file that code opens beside itself and that is not there is found", async () => {
  const text = 'join(import.meta.dirname, "support/x.ts");\njoin(import.meta.dirname, "../support/x.ts");';
  const sources = await files({ "tests/e2e/a.test.ts": text });
  const isThere = (path: string): boolean => path === "tests/support/x.ts";
  expect(brief(besideViolations(sources, { has: isThere }))).toEqual([
    "tests/e2e/a.test.ts:2 there is no support/x.ts",
  ]);
});

/** A page with one journey of these steps. */
function pageOf(...steps: readonly string[]): string {
  return ["# Page", "## Journeys", "### There", ...steps.map((step, at) => `${at + 1}. ${step}`), "## End"]
    .join("\n");
}

/** A protocol of four files, in which the message `hail` goes from one role to another. */
const HAIL = await files({
  "src/protocol/model/messages.ts":
    'export interface HailMessage { readonly type: "hail"; }\nexport type Message = HailMessage;',
  "src/protocol/client/caller.ts": 'import "../engine.ts";\nsend({ type: "hail", p: 1 });',
  "src/protocol/engine.ts": "",
  "src/protocol/steward/taker.ts":
    'import type { HailMessage } from "../model/messages.ts";\nclass A { onHail({ p }: HailMessage) {} }',
  "src/protocol/router.ts":
    'import type { Message } from "./model/messages.ts";\nswitch (message.type) { case "hail": x(); }',
  "src/protocol/store.ts": 'switch (record.type) { case "hail": x(); }',
  "src/protocol/wire/codec.ts": 'const read = () => ({ type: "hail" });',
});

function journeyProblems(...steps: readonly string[]): readonly string[] {
  const [journey] = journeysOf(pageOf(...steps), "## Journeys");
  return journeyViolations("page.md", journey!, HAIL).map(({ line, message }) => `${line} ${message}`);
}

test("a journey goes on where files import each other, either way, or where a message arrives", () => {
  const [caller, engine] = ["`src/protocol/client/caller.ts`", "`src/protocol/engine.ts`"];
  expect(journeyProblems(
    `${engine}: it begins`,
    `${caller}: calls`,
    "`hail` → `src/protocol/steward/taker.ts`: `onHail` takes it",
    `${engine}: again`,
    "`hail` → `src/protocol/router.ts`: distinguishes messages",
  )).toEqual([]);
});

test("a step that nothing leads to, or whose file or name is not there, is found", () => {
  expect(journeyProblems(
    "`src/protocol/engine.ts`: `onHail` it has not",
    "`src/protocol/steward/taker.ts`: nothing leads here, though `A` is there,\n   `onHai` is not",
    "`src/protocol/gone.ts`: it is gone",
    "no file at all",
  )).toEqual([
    "4 src/protocol/engine.ts has no onHail",
    "5 src/protocol/steward/taker.ts has no onHai",
    "5 no earlier step imports src/protocol/steward/taker.ts, or is imported by it",
    "7 there is no src/protocol/gone.ts",
    "8 a step must be `file`: what happens there",
  ]);
});

test("a message that nobody sent, or that nobody takes, is found", () => {
  const taker = "`hail` → `src/protocol/steward/taker.ts`: takes it";
  expect(journeyProblems("`src/protocol/engine.ts`: sends none", taker)).toEqual([
    "5 no earlier step sends hail",
  ]);
  // a codec reads it
  expect(journeyProblems("`src/protocol/wire/codec.ts`: sends none", taker)).toEqual([
    "5 no earlier step sends hail",
  ]);
  const caller = "`src/protocol/client/caller.ts`: sends it";
  for (const path of ["src/protocol/engine.ts", "src/protocol/store.ts"]) {
    expect(journeyProblems(caller, `\`hail\` → \`${path}\`: takes it not`)).toEqual([
      `5 ${path} takes no hail`,
    ]);
  }
});

test("a journey without steps is none, and lists end with their section", () => {
  expect(journeyProblems()).toEqual(['1 "There" is no journey: it has 0 steps']);
  const page = `${pageOf("`a.ts`: a")}\n1. \`b.ts\`: not of it`;
  expect(journeysOf(page, "## Journeys")).toEqual([
    { title: "There", steps: [{ line: 4, tag: null, path: "a.ts", text: "a" }] },
  ]);
});

test("a list of what to read has as many files as it says, and they are there", () => {
  const page =
    "## First\n1. `src/protocol/engine.ts`: why\n2. `src/protocol/gone.ts`: why\n## End\n3. `x.ts`: y";
  const options = { heading: "## First", sources: HAIL };
  expect(brief(readingViolations("page.md", page, { ...options, count: 2 }))).toEqual([
    "page.md:3 there is no src/protocol/gone.ts",
  ]);
  expect(brief(readingViolations("page.md", page, { ...options, count: 3 }))).toEqual([
    "page.md:1 ## First has 2 files, not 3",
    "page.md:3 there is no src/protocol/gone.ts",
  ]);
});

/** Folders with a picture and a table. */
function folders(picture: string, ...rows: readonly string[]): string {
  const table = ["| folder | what | may import |", "|---|---|---|", ...rows];
  return ["## Folders", "```", picture, "```", ...table, "## End"].join("\n");
}

test("a table of folders must have the arrows of the layout, and a picture must not contradict them", () => {
  const below = { top: ["low", "mod.ts"], low: [] };
  const problems = (page: string): readonly string[] =>
    arrowViolations("page.md", page, "## Folders", below).map(({ line, message }) => `${line} ${message}`);
  const rows = ["| `top` | it | low, mod.ts |", "| `low` | it | |"];
  expect(problems(folders("top\nlow", ...rows))).toEqual([]);
  expect(problems(folders("low\ntop", ...rows))).toEqual(["3 the picture must have low below top"]);
  expect(problems(folders("top low", ...rows))).toEqual(["3 the picture must have low below top"]);
  expect(problems(folders("top", ...rows))).toEqual([
    "3 the picture has no low",
    "3 the picture has no low",
  ]);
  expect(problems(folders("top\nlow", "| `top` | it | low |", "| `other` | it | |"))).toEqual([
    "1 ## Folders has no row for low",
    "8 top may import low, mod.ts",
    "9 other is not in the layout",
  ]);
});
