/** What `stolos init` was asked for, read from its arguments; and which names a project may have. */
import { basename } from "node:path";
import { UsageError } from "../options.ts";
import type { Origin } from "./origin.ts";

export const PROJECT_RUNTIMES = ["node", "bun", "deno"] as const;
export type ProjectRuntime = typeof PROJECT_RUNTIMES[number];

/** A package.json, as far as it matters here. */
export interface Manifest {
  readonly type?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What the files of a project depend on. */
export interface ProjectOptions {
  readonly name: string;
  readonly runtime: ProjectRuntime;
  readonly origin: Origin;
  /** The package.json that is there already. */
  readonly manifest?: Manifest;
}

const NAME_CHARS_MAX = 64;
/** What both npm and a namespace take. */
const NAME = /^[a-z0-9][a-z0-9._-]*$/;
/** npm gives no package to a project of the same name, and installs none under the other. */
const TAKEN: ReadonlySet<string> = new Set(["stolos", "node_modules"]);

/**
 * The project's name, which is its package's and its cluster's namespace.
 *
 * @throws UsageError when it was given and no package can have it, or when the directory's makes none
 */
export function projectName(given: string | undefined, directory: string): string {
  const source = given ?? basename(directory);
  const name = packageNameOf(source);
  const isValid = NAME.test(name) && !TAKEN.has(name);
  if (isValid && (given === undefined || given === name)) return name;
  const what = given === undefined ? `the directory's name "${source}"` : `--name "${source}"`;
  const why = TAKEN.has(name) ? "is taken" : `needs 1 to ${NAME_CHARS_MAX} of a-z 0-9 . _ -`;
  const instead = isValid ? name : "my-tasks";
  throw new UsageError(`Cannot name a project: ${what} ${why}; --name ${instead} would do`);
}

/** The nearest name that a package can have; perhaps none. */
function packageNameOf(text: string): string {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^a-z0-9._-]+/g, "-").replace(/^[._-]+|[._-]+$/g, "").slice(0, NAME_CHARS_MAX);
}

/** The parts of a process by which its runtime is known. */
export interface ProcessTraits {
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The runtime of this process; Bun for a Node that `bunx` has started.
 */
export function runtimeOf({ versions, env }: ProcessTraits): ProjectRuntime {
  if (versions["deno"] !== undefined) return "deno";
  if (versions["bun"] !== undefined) return "bun";
  return env["npm_config_user_agent"]?.startsWith("bun/") ? "bun" : "node";
}
