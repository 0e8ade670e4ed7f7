/**
 * The page's program for `node --watch`, `deno run --watch` and `bun --hot`, as it stands there, saved ten
 * times: another member of its cluster sees the same two members all the while.
 */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { createNode, defineTask, type Node } from "../../mod.ts";
import { blocksOf } from "../support/doc-blocks.ts";
import { eventually } from "../support/drill.ts";

const ROOT = join(import.meta.dirname, "../..");
const SAVE_COUNT = 10;
const FLAGS: Readonly<Record<Runtime, string>> = { node: "--watch", deno: "--watch", bun: "--hot" };
const version = defineTask<null, string>({ name: "version" });
const [block] = blocksOf("docs/operating.md").filter(({ code }) => code.includes("globalThis"));

/** The page's code with the checkout's module, a namespace of this test's own, and the store in `data`. */
function programOf(no: number, namespace: string, data: string): string {
  const changes = [
    ['"stolos"', JSON.stringify(join(ROOT, "mod.ts"))],
    ['"koalemos"', JSON.stringify(namespace)],
    ['"./data"', JSON.stringify(data)],
    ['"version 1"', JSON.stringify(`version ${no}`)],
  ] as const;
  let code = block!.code;
  for (const [from, to] of changes) {
    expect(code).toContain(from);
    code = code.replace(from, to);
  }
  return code;
}

/** What the program that runs now returns; "" when it does not within 3 s. */
async function versionNow(node: Node, id: string): Promise<string> {
  const handle = await node.client.submit(version, null, { id, node: "dev" });
  const outcome = await handle.done({ signal: AbortSignal.timeout(3000) }).catch(() => null);
  return outcome?.state === "completed" ? outcome.result : "";
}

test.each(["node", "deno", "bun"] as const)(
  "%s: members stay as they are over ten saves",
  (runtime) => savedTenTimes(runtime),
  300_000,
);

async function savedTenTimes(runtime: Runtime): Promise<void> {
  // below the checkout, where packages are found, not below node_modules, where types are not stripped
  const directory = mkdtempSync(join(ROOT, ".tmp-reload-"));
  const namespace = `reload-${runtime}-${process.pid}`;
  const file = join(directory, "main.ts");
  const save = (no: number): void => writeFileSync(file, programOf(no, namespace, join(directory, "data")));
  await using other = await createNode({ namespace, name: "other" });
  await other.ready();
  // from now on it yields to no other founder
  await other.client.submit(version, null, { id: "first", node: "nobody" });
  save(0);
  const [command = "", ...args] = commandOn(runtime, "", []);
  const child = spawn(command, [...args.slice(0, -1), FLAGS[runtime], file], { stdio: "inherit" });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    expect(await eventually(() => other.nodes().length === 2, 60_000)).toBe(true);
    const [before] = other.nodes().filter(({ self }) => !self);
    const seen = new Set<string>();
    const looking = setInterval(() => seen.add(other.nodes().map(({ node }) => node).toSorted().join()), 50);
    for (let no = 1; no <= SAVE_COUNT; no++) {
      save(no);
      let asked = 0;
      const isNew = async (): Promise<boolean> =>
        await versionNow(other, `${no}-${asked++}`) === `version ${no}`;
      expect(await eventually(isNew, 60_000, 200)).toBe(true);
    }
    clearInterval(looking);
    expect([...seen]).toEqual([[other.id, before!.node].toSorted().join()]);
  } finally {
    // the program may be a process of its own, which outlives a watcher that is killed
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await gone;
    clearTimeout(timer);
    rmSync(directory, { recursive: true, force: true });
  }
}
