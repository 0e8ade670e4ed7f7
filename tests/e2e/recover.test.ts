/** After a majority is lost for good: `stolos recover` makes a cluster of what is left. */
import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, createNode, defineTask, type Node, sqliteStore } from "../../mod.ts";

const directory = mkdtempSync(join(tmpdir(), "stolos-recover-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const echo = defineTask<number, number>({ name: "echo" });

async function start(name: string, join_: readonly string[], expected: number): Promise<Node> {
  const node = await createNode({
    name,
    namespace: `recover-${process.pid}`,
    mdns: false,
    partitions: 16,
    expect: expected,
    join: join_,
    store: sqliteStore(join(directory, name, "state")),
  });
  node.handle(echo, (task) => Promise.resolve(task.input));
  return node;
}

function stolos(...args: string[]): { readonly code: number | null; readonly text: string } {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

test("one survivor of three goes on with everything that it kept, under higher fences", async () => {
  const first = await start("a", [], 3);
  const others = [await start("b", first.addresses, 3), await start("c", first.addresses, 3)];
  await Promise.all([first, ...others].map((node) => node.ready()));
  const fences = new Map<string, bigint>();
  for (let i = 0; i < 20; i++) {
    const handle = await first.client.submit(echo, i, { id: `done-${i}` });
    await handle.done();
    fences.set(`done-${i}`, BigInt((await first.client.get(`done-${i}`))!.fence));
  }
  for (let i = 0; i < 20; i++) await first.client.submit(echo, i, { id: `later-${i}`, delayMs: 3_600_000 });
  // the last word reaches every keeper
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await Promise.all([first, ...others].map((node) => node.stop({ now: true })));

  const data = join(directory, "a");
  const shown = stolos("recover", "--data", data);
  expect(shown.text).toContain("Nothing was written");
  const written = stolos("recover", "--data", data, "--yes", "--json");
  expect(written.code).toBe(0);
  expect(JSON.parse(written.text)).toMatchObject({ written: true, members: ["a"], tasks: 40, lost: [] });

  const survivor = await start("a", [], 1);
  await survivor.ready();
  await using client = await connectClient({
    namespace: `recover-${process.pid}`,
    join: survivor.addresses,
    mdns: false,
  });
  for (let i = 0; i < 20; i++) {
    expect((await client.get(`done-${i}`))?.state).toBe("completed");
    expect((await client.get(`later-${i}`))?.state).toBe("sleeping");
  }
  const highest = [...fences.values()].reduce((a, b) => (a > b ? a : b));
  const handle = await survivor.client.submit(echo, 7, { id: "new" });
  expect(await handle.done()).toMatchObject({ state: "completed" });
  expect(BigInt((await client.get("new"))!.fence)).toBeGreaterThan(highest);
  await survivor.stop({ now: true });
}, 60_000);

test("a node of the lost cluster that comes back is refused by the new one", async () => {
  const survivor = await start("a", [], 1);
  await survivor.ready();
  const rejected = new Promise<string>((resolve) =>
    survivor.addEventListener("peer:rejected", ({ detail }) => resolve(detail.reason))
  );
  const old = await start("b", survivor.addresses, 3);
  expect(await rejected).toContain("is a member of cluster");
  await Promise.all([survivor.stop({ now: true }), old.stop({ now: true })]);
}, 60_000);

test("recover says what it needs", () => {
  expect(stolos("recover")).toMatchObject({ code: 1 });
  expect(stolos("recover", "--data", join(directory, "none")).text).toContain("there must be a node's state");
});
