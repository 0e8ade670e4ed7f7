/** The drill of strangers at a peer's door, with as many as took all places in it once. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { commandOn } from "../../examples/demo/peer-process.ts";

test("thousands of strangers keep no friend out", async () => {
  // some who run this share the machine: the drill itself asks for a second
  const args = ["--connections", "3000", "--rate", "400", "--within", "5000"];
  const [command = "", ...rest] = commandOn("node", "tests/drills/knock.ts", args);
  const drill = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const said = await text(drill.stdout);
  expect(said).not.toContain("FAIL");
  expect(said).toContain("passed");
});
