/** Checks what `node.handle` is given, and makes of it what the consumer runs. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ErrorHandler, Handler, HandlerFunction, HandlerOptions } from "../consumer/handler.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { threadsFile } from "../base/own-file.ts";
import { checkKnown, integer, shown } from "../base/arguments.ts";

const KNOWN = ["concurrency", "isolation", "beatTimeoutMs", "graceMs", "onError"];
const BEAT_TIMEOUT_MIN_MS = 20;
const CONCURRENCY_MAX = 1_000_000;
const DAY_MS = 86_400_000;

/** What a handler may be: a function, or the module whose default export is one. */
export type HandlerSource<I, O> = HandlerFunction<I, O> | URL | string;

/** Runs a module's default export in threads. */
type Isolate = (module: URL, options: HandlerOptions) => HandlerFunction<unknown, unknown>;

/** @throws TypeError, RangeError for what cannot be a handler */
export function handlerOf(
  definition: TaskDefinition,
  source: unknown,
  given: unknown,
  isolate: Isolate,
): Handler {
  const attempt = `add a handler for ${JSON.stringify(definition.name)}`;
  const options = optionsOf(attempt, given);
  const { concurrency, beatTimeoutMs, graceMs, onError } = options;
  const { name, input, output } = definition;
  const own = {
    // what it is made of is not looked at again
    definition: {
      name,
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
    },
    beatTimeoutMs,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(onError === undefined ? {} : { onError }),
  };
  if (options.isolation === "thread") {
    return { ...own, isIsolated: true, run: isolate(moduleOf(attempt, source), options) };
  }
  if (typeof source === "function") {
    // the consumer validates the input against the definition before it calls the handler
    return { ...own, run: source as HandlerFunction<unknown, unknown> };
  }
  const isModule = source instanceof URL || typeof source === "string";
  const needed = isModule ? 'a function, or isolation "thread" for a module' : "a function";
  throw new TypeError(`Cannot ${attempt}: it must be ${needed}, got ${shown(source)}`);
}

function optionsOf(attempt: string, given: unknown): HandlerOptions {
  if (given === undefined) return {};
  checkKnown(attempt, given, KNOWN);
  // checkKnown lets nothing but objects pass
  const { concurrency, isolation = "none", beatTimeoutMs, graceMs, onError } = given as Record<
    string,
    unknown
  >;
  if (onError !== undefined && typeof onError !== "function") {
    throw new TypeError(`Cannot ${attempt}: onError must be a function, got ${shown(onError)}`);
  }
  if (isolation !== "none" && isolation !== "thread") {
    throw new TypeError(`Cannot ${attempt}: isolation must be "none" or "thread", got ${shown(isolation)}`);
  }
  const bounds = { min: 1, max: CONCURRENCY_MAX, default: 1 };
  const ms = (name: string, value: unknown, min: number): Record<string, number> =>
    value === undefined ? {} : { [name]: integer(attempt, name, value, { min, max: DAY_MS, default: min }) };
  return {
    isolation,
    ...(concurrency === undefined
      ? {}
      : { concurrency: integer(attempt, "concurrency", concurrency, bounds) }),
    ...ms("beatTimeoutMs", beatTimeoutMs, BEAT_TIMEOUT_MIN_MS),
    ...ms("graceMs", graceMs, 0),
    // what it takes and gives cannot be known before it is called
    ...(onError === undefined ? {} : { onError: onError as ErrorHandler }),
  };
}

function moduleOf(attempt: string, source: unknown): URL {
  if (!(source instanceof URL) && (typeof source !== "string" || source === "")) {
    throw new TypeError(
      `Cannot ${attempt}: with isolation "thread" it must be a module, as a URL or a path, got ${
        shown(source)
      }`,
    );
  }
  const module = source instanceof URL ? source : urlOf(source);
  const found = [module, builtOf(module)].find((each) => each.protocol !== "file:" || existsSync(each));
  if (!found) throw new TypeError(`Cannot ${attempt}: there is no such module, got ${shown(module.href)}`);
  // rather now than with its first task
  threadsFile();
  return found;
}

/** What a compiler or bundler makes of a TypeScript module. */
function builtOf(module: URL): URL {
  return new URL(module.href.replace(/\.ts$/, ".js"));
}

/** A path from the working directory, or a URL as text. */
function urlOf(source: string): URL {
  return /^[a-z]+:\/\//.test(source) || source.startsWith("data:")
    ? new URL(source)
    : pathToFileURL(resolve(source));
}
