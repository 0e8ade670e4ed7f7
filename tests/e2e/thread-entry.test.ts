/**
 * What is sent to a thread before its module is loaded, on each runtime: the entry of the threads is the real
 * one, in a folder of its own, where the module takes its time to load.
 */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { ROOT } from "../tidy/source.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

const SLOW_MODULE = `
import { parentPort } from "node:worker_threads";
await new Promise((resolve) => setTimeout(resolve, 300));
export function receive(message) { parentPort.postMessage(message); }
`;
const PROGRAM = `
import { Worker } from "node:worker_threads";
const thread = new Worker(new URL("./stolos-threads.ts", import.meta.url), { workerData: { role: "store" } });
const heard = [];
const said = new Promise((resolve) => {
  setTimeout(resolve, 10_000).unref();
  thread.on("message", (message) => heard.push(message) === 2 && resolve());
});
thread.postMessage("first");
thread.postMessage("second");
await said;
console.log(heard.join(" "));
await thread.terminate();
`;

test.each(RUNTIMES)("%s: a thread gets what came before its module was loaded, in order", (runtime) => {
  const folder = mkdtempSync(join(tmpdir(), "stolos-entry-"));
  try {
    mkdirSync(join(folder, "store"));
    cpSync(join(ROOT, "src/stolos-threads.ts"), join(folder, "stolos-threads.ts"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "store/sqlite-thread.ts"), SLOW_MODULE);
    writeFileSync(join(folder, "program.ts"), PROGRAM);
    const [command = ""] = commandOn(runtime, "", []);
    const args = [...(runtime === "deno" ? ["run", "-A"] : []), join(folder, "program.ts")];
    expect(execFileSync(command, args, { encoding: "utf8", stdio: "pipe" }).trim()).toBe("first second");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
