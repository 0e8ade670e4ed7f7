/** What docs/install.md says of Deno's permissions: just these flags do, and what is lacking is named. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const NODE = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys=hostname,osUptime"];

function ran(flags: readonly string[], ways: readonly string[]): readonly [number | null, string] {
  const args = ["run", "--no-prompt", "--no-check", ...flags, "tests/support/ending-program.ts", ...ways];
  const options = { cwd: ROOT, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } } as const;
  const { status, stdout, stderr } = spawnSync(join(ROOT, "node_modules/.bin/deno"), args, options);
  return [status, `${stdout}${stderr}`.trim()];
}

test("a node, a client and HTTP need the network, the environment, the package's files and two facts", () => {
  expect(ran(NODE, ["node", "client", "http"])).toEqual([0, "stopped"]);
});

test("exec needs to run commands, a store to write", () => {
  expect(ran([...NODE, "--allow-run", "--allow-write"], ["commands", "store"])).toEqual([0, "stopped"]);
});

test.each(
  [
    ["net", NODE.filter((flag) => flag !== "--allow-net")],
    ["sys", NODE.filter((flag) => !flag.startsWith("--allow-sys"))],
    ["env", NODE.filter((flag) => flag !== "--allow-env")],
  ] as const,
)("a node without --allow-%s says so and ends", (name, flags) => {
  expect(ran(flags, ["node"])).toEqual([1, expect.stringContaining(`--allow-${name}`)]);
});
