/** What tells runtimes and tools about a project that `stolos init` writes: dependencies, scripts, types. */
import { UsageError } from "../options.ts";
import type { Manifest, ProjectOptions } from "./options.ts";

/** By file. `version` is this software's. */
export function manifests(options: ProjectOptions, version: string): Readonly<Record<string, string>> {
  const { runtime } = options;
  if (runtime === "deno") return { "deno.json": jsonText(denoManifest(options, version)) };
  return {
    "package.json": jsonText(merged(options.manifest ?? {}, npmManifest(options, version))),
    "tsconfig.json": jsonText(compilerOptions(runtime)),
  };
}

/** The tarball that `npm pack` makes of a checkout; undefined where the project needs none. */
export function tarballOf(
  { runtime, origin, manifest }: ProjectOptions,
  version: string,
): string | undefined {
  const isNeeded = runtime !== "deno" && origin.type === "checkout" &&
    manifest?.dependencies?.["stolos"] === undefined;
  return isNeeded ? `stolos-${version}.tgz` : undefined;
}

function npmManifest(options: ProjectOptions, version: string): Manifest {
  const { name, runtime } = options;
  const tarball = tarballOf(options, version);
  const [run, test, types] = runtime === "bun"
    ? ["bun", "bun test", { "@types/bun": "^1.4.5" }]
    : ["node", "node --test", { "@types/node": "^24.0.0" }];
  return {
    ...{ name, private: true },
    type: "module",
    scripts: { peer: `${run} peer.ts`, submit: `${run} submit.ts`, test, check: "tsc" },
    dependencies: { stolos: tarball === undefined ? `^${version}` : `file:${tarball}` },
    devDependencies: { ...types, typescript: "^7.0.2" },
    ...(runtime === "node" ? { engines: { node: ">=24" } } : {}),
  };
}

/**
 * What there is, with what it lacks; nothing of it is changed.
 *
 * @throws UsageError when it says that its files are no ES modules
 */
function merged(given: Manifest, ours: Manifest): Manifest {
  if (given.type !== undefined && given.type !== ours.type) {
    throw new UsageError(
      `Cannot write a project: package.json has the type "${given.type}"; make it "module", ` +
        `or name a new directory`,
    );
  }
  const parts = (["scripts", "dependencies", "devDependencies"] as const).map((key) => [
    key,
    { ...ours[key], ...given[key] },
  ]);
  return { ...ours, ...given, ...Object.fromEntries(parts) };
}

function denoManifest({ origin, manifest }: ProjectOptions, version: string): unknown {
  const from = origin.type === "checkout" ? `jsr:@stolos/stolos@^${version}` : `npm:stolos@^${version}`;
  const isLinked = manifest === undefined && origin.type === "checkout";
  const imports = { stolos: from, "stolos/testing": `${from}/testing` };
  return {
    tasks: {
      peer: "deno run -A peer.ts",
      submit: "deno run -A submit.ts",
      test: "deno test -A --no-check",
      check: "deno check",
    },
    // without: of the package.json that is there, installed by npm
    ...(manifest === undefined ? { imports } : { nodeModulesDir: "manual" }),
    ...(isLinked ? { links: [origin.path] } : {}),
    compilerOptions: { noUncheckedIndexedAccess: true },
  };
}

function compilerOptions(runtime: "node" | "bun"): unknown {
  return {
    compilerOptions: {
      target: "es2024",
      module: "nodenext",
      lib: ["es2024", "esnext.disposable"],
      types: [runtime],
      strict: true,
      noUncheckedIndexedAccess: true,
      // the runtime takes away the types and changes nothing else
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: true,
    },
  };
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
