/**
 * One mesh of a Bun, a Deno and a Node process: all meet, frames arrive unharmed, a killed one is noticed.
 */
import { afterAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../support/mesh-node.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DEADLINE_MS = 60_000;
const COMMANDS = { node: ["node"], bun: ["bun"], deno: ["deno", "run", "-A"] } as const;

type Line = Record<string, unknown>;
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

class MeshProcess {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  #wake: () => void = () => {};

  constructor(runtime: keyof typeof COMMANDS, args: readonly string[]) {
    const [command, ...flags] = COMMANDS[runtime];
    const path = `${ROOT}node_modules/.bin:${process.env["PATH"]}`;
    this.child = spawn(command, [...flags, SCRIPT, ...args], {
      cwd: ROOT,
      env: { ...process.env, PATH: path, NAME: runtime },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(this.child);
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      this.lines.push(JSON.parse(line));
      this.#wake();
    });
  }

  async until(what: string, find: (line: Line) => boolean, count = 1): Promise<Line> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const found = this.lines.filter(find);
      if (found.length >= count) return found[0]!;
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.onabort = () =>
          reject(new Error(`Not in time: ${what}. Seen: ${JSON.stringify(this.lines)}`));
      });
    }
  }
}

test("Bun, Deno and Node form one mesh and notice a killed one at once", async () => {
  const listen = "/ip4/127.0.0.1/tcp/0";
  const first = new MeshProcess("node", ["interop", listen]);
  const started = await first.until("the first starts", (line) => line["type"] === "started");
  const args = ["interop", listen, String(started["address"])];
  const all = [first, new MeshProcess("bun", args), new MeshProcess("deno", args)];
  for (const node of all) {
    const line = await node.until("two checked", (line) => line["type"] === "checked", 2);
    expect(line["ok"]).toBe(true);
    expect(node.lines.filter((line) => line["type"] === "checked").every((line) => line["ok"])).toBe(true);
  }
  for (const victim of [all[1]!, all[2]!]) {
    const id = victim.lines.find((line) => line["type"] === "started")!["id"];
    const killedMs = Date.now();
    victim.child.kill("SIGKILL");
    const down = await first.until(
      "the kill is noticed",
      (line) => line["type"] === "down" && line["id"] === id,
    );
    expect(Number(down["atMs"]) - killedMs).toBeLessThan(2000);
  }
});
