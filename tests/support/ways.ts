/**
 * Every way into a program of one's own, of which docs/install.md has a table each: what is typed and what
 * comes of it. How it is tried is way-lab.ts's. `../stolos` is a checkout, with what `npm ci` and `npm pack`
 * leave there.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
const TARBALL = `stolos-${version}.tgz`;

/** One line of a table. */
export interface Cell {
  readonly on: string;
  /** As it is typed in the way's folder. */
  readonly command: string;
  /** What is run, where that is more than what is typed. */
  readonly script?: string;
  /** As the page has it. */
  readonly outcome: string;
  /** What is printed when it works. Neither this nor `refuses`: it is not tried. */
  readonly prints?: RegExp;
  /** What is printed when it cannot work. */
  readonly refuses?: RegExp;
  /** `npm test` tries it; the others are for the drill. */
  readonly isQuick?: true;
  /** The folder below the way's in which it is run. */
  readonly below?: string;
}

export interface Way {
  /** Its heading on the page. */
  readonly title: string;
  /** Beside the checkout. Ways of one folder share what is installed there. */
  readonly folder: string;
  /** Where the program imports from, if not from "stolos". */
  readonly from?: string;
  /** As the page shows them. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is typed first. */
  readonly setUp?: readonly string[];
  /** What is not installed by the checkout and has to come from npm. */
  readonly needsNpm?: true;
  readonly cells: readonly Cell[];
}

const DID = /state: "?'?completed"?'?,\s+result: "?'?hello ann/;
const CHECKED = /^Check own\.ts\s*$/m;
const WORKS = "works";

const works = (on: string, command: string, prints = DID): Cell => ({
  ...{ on, command, prints, outcome: WORKS },
});
/** A test runner ends a test after 5 s, which a busy machine may need. */
const patient = (cell: Cell, option: string): Cell => ({ ...cell, script: `${cell.command} ${option}` });
const quick = (cell: Cell): Cell => ({ ...cell, isQuick: true });

const byPath: Way = {
  title: "A path to `mod.ts`",
  folder: "by-path",
  from: "../stolos/mod.ts",
  cells: [
    quick(works("Node", "node own.ts")),
    quick(works("Bun", "bun own.ts")),
    quick(works("Deno", "deno run -A --config ../stolos/deno.json own.ts")),
    works("Deno, types", "deno check --config ../stolos/deno.json own.ts", CHECKED),
    {
      ...{ on: "Deno", command: "deno run -A own.ts", isQuick: true },
      refuses: /Import "[\w@/-]+" not a dependency/,
      outcome:
        'Deno refuses it: `Import "cborg" not a dependency`. Take one of the next two ways, or `--config`',
    },
  ],
};

/** What holds when nothing was installed in the checkout. */
const WITHOUT_MODULES = "mv ../stolos/node_modules ../aside; deno run -A own.ts; ended=$?; " +
  "mv ../aside ../stolos/node_modules; exit $ended";

const byMap: Way = {
  title: "An import map",
  folder: "by-map",
  files: {
    "deno.json": `{
  "imports": {
    "stolos": "../stolos/mod.ts",
    "stolos/testing": "../stolos/src/testing/kit.ts"
  }
}`,
    "tsconfig.json": `{
  "compilerOptions": {
    "paths": {
      "stolos": ["../stolos/mod.ts"],
      "stolos/testing": ["../stolos/src/testing/kit.ts"]
    }
  }
}`,
  },
  needsNpm: true,
  cells: [
    { ...quick(works("Deno, without `npm ci`", "deno run -A own.ts")), script: WITHOUT_MODULES },
    works("Deno, types", "deno check own.ts", CHECKED),
    works("Deno, tests", "deno test -A own.node.test.ts", /1 passed/),
    quick(works("Bun", "bun own.ts")),
    patient(works("Bun, tests", "bun test ./own.bun.test.ts", /1 pass/), "--timeout 240000"),
    { on: "Node", command: "–", outcome: "Node has no import maps: take a path or the tarball" },
  ],
};

const byLocalMap: Way = {
  title: "An import map, with nothing to download",
  folder: "by-local-map",
  files: {
    "deno.json": `{
  "nodeModulesDir": "manual",
  "imports": { "stolos": "../stolos/mod.ts" }
}`,
  },
  cells: [
    quick(works("Deno", "deno run -A own.ts")),
    {
      ...{ on: "Deno, types", command: "deno check own.ts" },
      refuses: /Could not find a matching package for 'npm:@types\/node'/,
      outcome: "Deno refuses it: it looks for `@types/node` in the program's own `node_modules`. " +
        "`npm install -D @types/node` puts it there",
    },
  ],
};

const byLinks: Way = {
  title: "Deno's `links`",
  folder: "by-links",
  files: {
    "deno.json": `{
  "links": ["../stolos"],
  "imports": {
    "stolos": "jsr:@stolos/stolos@^${version}",
    "stolos/testing": "jsr:@stolos/stolos@^${version}/testing"
  }
}`,
  },
  needsNpm: true,
  cells: [
    quick(works("Deno", "deno run -A own.ts")),
    works("Deno, types", "deno check own.ts", CHECKED),
    works("Deno, tests", "deno test -A own.node.test.ts", /1 passed/),
    {
      ...{ on: "Deno", command: "deno compile -A own.ts" },
      outcome: "not tried here: Deno downloads a part of its own for it, which no npm package has",
    },
  ],
};

/** What is tried with the tarball shares its folder. */
const TARBALL_INSTALLED = {
  folder: "by-tarball",
  files: { "package.json": '{ "type": "module" }' },
  setUp: [`npm install ../stolos/${TARBALL}`],
  needsNpm: true,
} as const;

const byTarball: Way = {
  title: "The npm tarball",
  ...TARBALL_INSTALLED,
  cells: [
    works("Node", "node own.ts"),
    quick(works("Node, `require`", "node own.cjs")),
    works("Node, command line", "npx stolos --version", /^\d+\.\d+\.\d+$/m),
    works("Bun", "bun own.ts"),
    works("Bun, `require`", "bun own.cjs"),
    works("Deno", "deno run -A own.ts"),
    works("Deno, `require`", "deno run -A own.cjs"),
    works("Deno, types", "deno check own.ts", CHECKED),
  ],
};

const byBun: Way = {
  title: "The npm tarball, installed by Bun",
  folder: "by-bun",
  files: { "package.json": '{ "type": "module" }' },
  setUp: [`bun add ../stolos/${TARBALL}`],
  needsNpm: true,
  cells: [works("Bun", "bun own.ts"), works("Bun, command line", "bunx --bun stolos --version", /^\d+\.\d/m)],
};

const byDeno: Way = {
  title: "The npm tarball, with nothing but Deno",
  folder: "by-deno",
  files: {
    "deno.json": `{
  "nodeModulesDir": "auto",
  "links": ["./package"],
  "imports": {
    "stolos": "npm:stolos@${version}",
    "stolos/testing": "npm:stolos@${version}/testing"
  }
}`,
  },
  setUp: [`tar xzf ../stolos/${TARBALL}`],
  needsNpm: true,
  cells: [
    works("Deno", "deno run -A own.ts"),
    works("Deno, types", "deno check own.ts", CHECKED),
    {
      ...{ on: "Deno", command: `deno add ../stolos/${TARBALL}`, refuses: /npm:\.\. was not found/ },
      outcome: "Deno refuses it: it installs no files. Unpack it, as above",
    },
  ],
};

const WORKSPACES = { "package.json": '{ "private": true, "workspaces": ["app"] }' };

const byNpmWorkspaces: Way = {
  title: "npm's workspaces",
  folder: "by-npm-workspaces",
  files: { ...WORKSPACES, "app/package.json": '{ "name": "app", "type": "module" }' },
  setUp: [`npm install ../stolos/${TARBALL} -w app`],
  needsNpm: true,
  cells: [
    { ...works("Node, in `app`", "node own.ts"), below: "app" },
    { ...works("Deno, in `app`", "deno run -A own.ts"), below: "app" },
  ],
};

const byBunWorkspaces: Way = {
  title: "Bun's workspaces",
  folder: "by-bun-workspaces",
  files: {
    ...WORKSPACES,
    "app/package.json":
      `{ "name": "app", "type": "module", "dependencies": { "stolos": "file:../../stolos/${TARBALL}" } }`,
  },
  setUp: ["bun install"],
  needsNpm: true,
  cells: [{ ...works("Bun, in `app`", "bun own.ts"), below: "app" }],
};

const JEST = "npx jest own.jest.test.mjs";

const testRunners: Way = {
  title: "Test runners",
  ...TARBALL_INSTALLED,
  setUp: [...TARBALL_INSTALLED.setUp, "npm install -D vitest jest"],
  cells: [
    patient(works("`bun test`", "bun test ./own.bun.test.ts", /1 pass/), "--timeout 240000"),
    works("`node:test`", "node --test own.node.test.ts", /pass 1/),
    works("`deno test`", "deno test -A own.node.test.ts", /1 passed/),
    patient(works("Vitest", "npx vitest run own.vitest.test.ts", /1 passed/), "--testTimeout 240000"),
    patient(
      works("Jest", `NODE_OPTIONS=--experimental-vm-modules ${JEST}`, /1 passed/),
      "--testTimeout 240000",
    ),
    {
      ...{ on: "Jest", command: JEST, refuses: /Must use import to load ES Module/ },
      outcome: "Jest refuses it: `Must use import to load ES Module`. It needs the option of the line above",
    },
  ],
};

const TYPESCRIPTS = ["5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "6.0", "7.0"] as const;
/** The first whose syntax the newest @types/node keeps to. */
const NODE_TYPES_SINCE = "5.6";

/** Checks with each of the tsconfigs; those without `skipLibCheck` end in `-strict`. */
function compiles(version: string, which: string): string {
  const tsc = `node node_modules/typescript-${version}/bin/tsc`;
  return `for config in ${which}; do echo $config; ${tsc} -p $config || exit 1; done`;
}

/** What passes without `skipLibCheck` passes with it, for that only leaves out. */
function typeScript(version: string): Cell[] {
  const isOld = version < NODE_TYPES_SINCE;
  const on = `TypeScript ${version}`;
  const lax: Cell = {
    ...works(isOld ? `${on}, \`skipLibCheck\`` : on, "tsc", /tsconfig/),
    script: compiles(version, `tsconfig-*-${isOld ? "skip" : "strict"}.json`),
  };
  if (!isOld) return [lax];
  return [lax, {
    ...{ on, command: "tsc", script: compiles(version, "tsconfig-nodenext-strict.json") },
    refuses: /^(?!.*stolos)node_modules\/@types\/node\//m,
    outcome: "`skipLibCheck` is needed: the newest `@types/node` is not for it",
  }];
}

const types: Way = {
  title: "TypeScript",
  ...TARBALL_INSTALLED,
  setUp: [
    ...TARBALL_INSTALLED.setUp,
    `npm install -D ${TYPESCRIPTS.map((v) => `typescript-${v}@npm:typescript@~${v}.0`).join(" ")}`,
  ],
  cells: TYPESCRIPTS.flatMap(typeScript),
};

const JSR = "jsr publish --dry-run --allow-dirty";

const registries: Way = {
  title: "What a registry asks for",
  folder: "stolos",
  cells: [
    works("Deno, types", "deno check mod.ts src/testing/kit.ts", /^Check/m),
    works("JSR, by Deno", "deno publish --dry-run --allow-dirty", /Dry run complete/),
    {
      ...works("JSR, by npm", `npx ${JSR}`, /Dry run complete/),
      script: `DENO_BIN_PATH=$(deno eval 'console.log(Deno.execPath())') npx --yes ${JSR}`,
      outcome: "works; with `DENO_BIN_PATH=…/deno` where it cannot download Deno",
    },
  ],
};

export const WAYS: readonly Way[] = [
  ...[byPath, byMap, byLocalMap, byLinks, byTarball, byBun, byDeno, byNpmWorkspaces, byBunWorkspaces],
  ...[testRunners, registries, types],
];

/** A way's table, as the page has it and the drill prints it. */
export function tableOf({ cells }: Way, outcomeOf = (cell: Cell): string => cell.outcome): string {
  const lines = cells.map((cell) => {
    const command = cell.command === "–" ? "–" : `\`${cell.command}\``;
    return `| ${cell.on} | ${command} | ${outcomeOf(cell)} |`;
  });
  return ["| on | command | outcome |", "|---|---|---|", ...lines].join("\n");
}
