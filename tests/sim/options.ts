/** The command line of the simulator's tools: `--name value` and `--name`. */
import { PROFILES } from "../../src/simulator/profiles.ts";

/** The value of `--name`, or `otherwise`. */
export function optionOf(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? undefined : process.argv[at + 1];
  return value === undefined || value.startsWith("--") ? otherwise : value;
}

export function hasFlag(name: string): boolean {
  return process.argv.includes(`--${name}`);
}

/** "7" or "1-2000". @throws RangeError when it is neither. */
export function seedsOf(text: string): { readonly first: number; readonly last: number } {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`Cannot read the seeds: expected "7" or "1-2000", got ${text}`);
  const first = Number(match[1]);
  return { first, last: Number(match[2] ?? first) };
}

/** "all", or names: "calm,crashy". @throws RangeError when one of them is no profile's. */
export function profilesOf(text: string): readonly string[] {
  if (text === "all") return PROFILES;
  const names = text.split(",");
  const unknown = names.find((name) => !PROFILES.includes(name));
  if (unknown === undefined) return names;
  const known = ["all", ...PROFILES].join(", ");
  throw new RangeError(`Cannot choose the profile ${JSON.stringify(unknown)}: must be of ${known}`);
}

/** How this runtime starts one of our scripts: `[program, ...arguments before the script]`. */
export function runtimeCommand(): readonly string[] {
  return "Deno" in globalThis ? [process.execPath, "run", "-A"] : [process.execPath];
}
