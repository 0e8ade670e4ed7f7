/**
 * Reads what was typed: options by node:util's parseArgs, then durations, counts and labels. Whatever is
 * wrong becomes a UsageError that names the option and the value seen.
 */
import { parseArgs } from "node:util";
import { meantBy } from "../base/arguments.ts";
import { printable } from "./output.ts";

/** Bad usage: exit code 1. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** May be given several times. */
  readonly multiple?: boolean;
}

export type OptionValues<S extends Readonly<Record<string, OptionSpec>>> = {
  readonly [K in keyof S]: S[K] extends { readonly multiple: true } ? readonly string[]
    : S[K] extends { readonly type: "boolean" } ? boolean
    : string | undefined;
};

/** What every command that joins as a client takes. */
export const CLIENT_OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  namespace: { type: "string" },
  join: { type: "string", multiple: true },
  timeout: { type: "string" },
  "secret-file": { type: "string" },
  identity: { type: "string" },
} as const;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Splits arguments into options and positionals; `rest` is what follows a `--`, undefined without one.
 *
 * @throws UsageError naming an option that is unknown or misses its value
 */
export function parseOptions<const S extends Readonly<Record<string, OptionSpec>>>(
  command: string,
  args: readonly string[],
  spec: S,
): { values: OptionValues<S>; positionals: readonly string[]; rest: readonly string[] | undefined } {
  const cut = args.indexOf("--");
  const before = cut < 0 ? args : args.slice(0, cut);
  refuseUnknown(command, before, Object.keys(spec));
  try {
    const parsed = parseArgs({ args: [...before], options: spec, allowPositionals: true, strict: true });
    const values: Record<string, unknown> = {};
    for (const [name, option] of Object.entries(spec)) {
      const missing = option.multiple === true ? [] : option.type === "boolean" ? false : undefined;
      values[name] = (parsed.values as Record<string, unknown>)[name] ?? missing;
    }
    // The loop above gives each option of the spec the type that OptionValues says.
    const typed = values as OptionValues<S>;
    return {
      values: typed,
      positionals: parsed.positionals,
      rest: cut < 0 ? undefined : args.slice(cut + 1),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [what = message] = message.split(/\. To specify|\n/);
    throw new UsageError(`Cannot run "stolos ${command}": ${lowerFirst(what)}`);
  }
}

/** @throws UsageError that says what may have been meant, and how an argument with a dash is written */
function refuseUnknown(command: string, args: readonly string[], names: readonly string[]): void {
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || names.includes(name)) continue;
    const meant = meantBy(name, names);
    throw new UsageError(
      `Cannot run "stolos ${command}": unknown option --${printable(name)}` +
        `;${meant === "" ? "" : ` is it --${meant}?`} "stolos ${command} --help" lists them`,
    );
  }
  const short = args.find((arg, at) => /^-[^-]/.test(arg) && !args[at - 1]?.startsWith("--"));
  if (short === undefined) return;
  throw new UsageError(
    `Cannot run "stolos ${command}": options begin with two dashes, got ${printable(short)}; ` +
      `put -- before an argument that begins with one`,
  );
}

/** Milliseconds of a text like `500ms`, `4s`, `1.5m`, `2h`, `7d` or `0`. */
export function parseDurationMs(option: string, text: string): number {
  return durationMsOf(`--${option}`, text);
}

/** The same for an argument that is no option. */
export function durationMsOf(what: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const ms = text === "0" ? 0 : Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? NaN);
  if (!Number.isFinite(ms) || ms > Number.MAX_SAFE_INTEGER) {
    throw new UsageError(`Cannot read ${what}: needs a duration such as 500ms, 4s or 10m, got "${text}"`);
  }
  return Math.round(ms);
}

/** A whole number of at least `min`. */
export function parseCount(option: string, text: string, min: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(count >= min)) {
    throw new UsageError(`Cannot read --${option}: needs a whole number of at least ${min}, got "${text}"`);
  }
  return count;
}

/** One of a fixed set of words. */
export function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) {
    throw new UsageError(`Cannot read --${option}: must be one of ${choices.join(", ")}, got "${text}"`);
  }
  return choice;
}

/** `k=v` texts as an object. */
export function parseLabels(option: string, texts: readonly string[]): Record<string, string> {
  const labels: [string, string][] = texts.map((text) => {
    const cut = text.indexOf("=");
    if (cut < 1) throw new UsageError(`Cannot read --${option}: needs key=value, got "${text}"`);
    return [text.slice(0, cut), text.slice(cut + 1)];
  });
  return Object.fromEntries(labels);
}

/** Maps an option that may be absent; absent ones must not become `undefined` properties. */
export function given<K extends string, T, V>(
  key: K,
  value: T | undefined,
  convert: (value: T) => V,
): { readonly [P in K]?: V } {
  return value === undefined ? {} : { [key]: convert(value) } as { [P in K]: V };
}

/**
 * Refuses positional arguments beyond those that a command names.
 *
 * @throws UsageError with the first that is too many, or naming the first that is missing
 */
export function expectPositionals(command: string, seen: readonly string[], names: readonly string[]): void {
  const extra = seen[names.length];
  if (extra !== undefined) {
    throw new UsageError(`Cannot run "stolos ${command}": unexpected argument "${extra}"`);
  }
  const missing = names[seen.length];
  if (missing !== undefined) throw new UsageError(`Cannot run "stolos ${command}": ${missing} is missing`);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
