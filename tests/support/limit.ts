/**
 * The one limit of time of every test, given to each file of tests as it is loaded (bunfig.toml). It is there
 * for what never ends: nobody knows how busy the machine is, so tests have no limits of their own.
 */
import { plugin } from "bun";
import { readFileSync } from "node:fs";

const LIMIT_MS = 240_000;

// called once, from here, it would hold for the first file alone: Bun 1.4, oven-sh/bun#43787
const before = `(await import("bun:test")).setDefaultTimeout(${LIMIT_MS});`;

plugin({
  name: "limit",
  setup: (build) =>
    void build.onLoad({ filter: /\.test\.ts$/ }, ({ path }) => ({
      contents: before + readFileSync(path, "utf8"),
      loader: "ts",
    })),
});
