/** The drill of a stranger at a cluster that works, for a few seconds. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { commandOn } from "../../examples/demo/peer-process.ts";

test("a stranger that does all it can costs a cluster nothing", async () => {
  // some who run this share the machine: the drill itself asks for a second
  const args = ["--seconds", "10", "--calm", "1", "--rate", "60", "--within", "8000"];
  const [command = "", ...rest] = commandOn("node", "tests/drills/stranger.ts", args);
  const drill = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const said = await text(drill.stdout);
  expect(said).not.toContain("FAIL");
  expect(said).toContain("passed");
}, 120_000);
