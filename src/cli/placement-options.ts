/** The options of `stolos submit` that say where and when rather than what, as client.submit takes them. */
import type { PlacementOptions } from "../../mod.ts";
import { given, parseDurationMs, parseLabels, UsageError } from "./options.ts";
import type { OptionValues } from "./options.ts";

export const PLACEMENT_OPTIONS = {
  priority: { type: "string" },
  requires: { type: "string", multiple: true },
  prefers: { type: "string", multiple: true },
  node: { type: "string" },
  apart: { type: "string" },
  backoff: { type: "string" },
} as const;

export const PLACEMENT_HELP: string =
  `  --priority N    of tasks that wait for the same nodes the higher goes first: -1000 to 1000 (default 0)
  --requires K=V  only nodes with this label; may be repeated
  --prefers K=V[:W]  rather nodes with this label, by weight W (default 1, negative: rather not); may be
                  repeated
  --node NAME     only this node, by name or id
  --apart KEY     not on a node that runs another task with this key
  --backoff D     wait so long before the second attempt, twice as long before each further one`;

/**
 * What client.submit is to be given.
 *
 * @throws UsageError naming the option and the value seen
 */
export function placementOf(values: OptionValues<typeof PLACEMENT_OPTIONS>): PlacementOptions {
  return {
    ...given("priority", values.priority, (text) => parseInteger("priority", text)),
    ...(values.requires.length > 0 ? { requires: parseLabels("requires", values.requires) } : {}),
    ...(values.prefers.length > 0 ? { prefers: values.prefers.map(parsePreference) } : {}),
    ...given("node", values.node, String),
    ...given("apart", values.apart, String),
    ...given("retry", values.backoff, (text) => {
      const backoffMs = parseDurationMs("backoff", text);
      return { backoffMs, maxMs: Math.max(60_000, backoffMs) };
    }),
  };
}

function parseInteger(option: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot read --${option}: needs a whole number, got "${text}"`);
}

/** `key=value` or `key=value:weight`; a value that ends in a colon and a number needs a weight behind it. */
function parsePreference(text: string): { label: string; value: string; weight: number } {
  const match = /^([^=]+)=(.*?)(?::(-?\d{1,4}))?$/s.exec(text);
  if (!match) {
    throw new UsageError(`Cannot read --prefers: needs key=value or key=value:weight, got "${text}"`);
  }
  const [, label = "", value = "", weight = "1"] = match;
  return { label, value, weight: Number(weight) };
}
