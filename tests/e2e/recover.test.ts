/** After a majority is lost for good: `stolos recover` makes a cluster of what is left. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, createNode, defineTask, type Node, sqliteStore } from "../../mod.ts";
import { partitionOf } from "../../src/protocol/context/ring.ts";

const echo = defineTask<number, number>({ name: "echo" });

let siteCount = 0;

/** The directories of one cluster, and its network. */
class Site implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "stolos-recover-"));
  readonly namespace: string = `recover-${process.pid}-${++siteCount}`;

  async start(name: string, join_: readonly string[], expected: number): Promise<Node> {
    const node = await createNode({
      name,
      namespace: this.namespace,
      mdns: false,
      partitions: 16,
      expect: expected,
      join: join_,
      store: sqliteStore(join(this.of(name), "state")),
    });
    node.handle(echo, (task) => Promise.resolve(task.input));
    return node;
  }

  of(name: string): string {
    return join(this.directory, name);
  }

  /** Given that directory alone, it writes a cluster of one node. */
  recover(name: string): void {
    expect(stolos("recover", "--data", this.of(name), "--yes").text).toContain("Written");
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * Three nodes, a, b and c, that have run so many tasks, `done-0` and so on, and are stopped. Returns their
 * fences. `last`: what they do at the end.
 */
async function runThree(
  site: Site,
  count: number,
  last: (node: Node) => Promise<unknown> = () => Promise.resolve(),
): Promise<bigint[]> {
  const a = await site.start("a", [], 3);
  const [b, c] = [await site.start("b", a.addresses, 3), await site.start("c", a.addresses, 3)];
  await Promise.all([a, b, c].map((node) => node.ready()));
  // so that whatever is recorded from now on is on both of the others
  await c.stop({ now: true });
  const fences: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const handle = await a.client.submit(echo, i, { id: `done-${i}` });
    await handle.done();
    fences.push(BigInt((await a.client.get(`done-${i}`))!.fence));
  }
  await last(a);
  await Promise.all([a, b].map((node) => node.stop({ now: true })));
  return fences;
}

function rejectionOf(node: Node): Promise<string> {
  return new Promise((resolve) =>
    node.addEventListener("peer:rejected", ({ detail }) => resolve(detail.reason), { once: true })
  );
}

function stolos(...args: string[]): { readonly code: number | null; readonly text: string } {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

test("one survivor of three goes on with everything that it kept, under higher fences", async () => {
  using site = new Site();
  const fences = await runThree(site, 20, async ({ client }) => {
    for (let i = 0; i < 20; i++) await client.submit(echo, i, { id: `later-${i}`, delayMs: 3_600_000 });
  });

  const data = site.of("a");
  const shown = stolos("recover", "--data", data);
  expect(shown.text).toContain("ONLY ONE directory is given; not those of ");
  expect(shown.text).toContain("IN DOUBT: 16 of 16 partitions");
  expect(shown.text).toContain("20 tasks of them have not ended as far as is known here: later-");
  expect(shown.text).toContain("Nothing was written. Say --yes to do it.");
  const dry = JSON.parse(stolos("recover", "--data", data, "--json").text);
  const written = stolos("recover", "--data", data, "--yes", "--json");
  expect(written.code).toBe(0);
  const said = JSON.parse(written.text);
  expect(said).toEqual({ ...dry, written: true, cluster: said.cluster });
  expect(said).toMatchObject({ members: ["a"], tasks: 40, lost: [], needed: true });
  expect(said.missing.sort()).toEqual(["b", "c"]);
  expect(said.stale.length).toBe(20);

  const survivor = await site.start("a", [], 1);
  await survivor.ready();
  await using client = await connectClient({
    namespace: site.namespace,
    join: survivor.addresses,
    mdns: false,
  });
  for (let i = 0; i < 20; i++) {
    expect((await client.get(`done-${i}`))?.state).toBe("completed");
    expect((await client.get(`later-${i}`))?.state).toBe("sleeping");
  }
  const highest = fences.reduce((a, b) => (a > b ? a : b));
  const handle = await survivor.client.submit(echo, 7, { id: "new" });
  expect(await handle.done()).toMatchObject({ state: "completed" });
  expect(BigInt((await client.get("new"))!.fence)).toBeGreaterThan(highest);
  await survivor.stop({ now: true });
});

test("a node of the lost cluster that comes back is refused by the new one", async () => {
  using site = new Site();
  await runThree(site, 1);
  site.recover("a");
  const survivor = await site.start("a", [], 1);
  await survivor.ready();
  const rejected = rejectionOf(survivor);
  const old = await site.start("b", survivor.addresses, 3);
  expect(await rejected).toContain("was recovered without that node, so it must not come back");
  await Promise.all([survivor.stop({ now: true }), old.stop({ now: true })]);
});

test(
  "recovered on two hosts, each for itself: two clusters, which say so and both keep what they have",
  async () => {
    using site = new Site();
    await runThree(site, 8);
    for (const name of ["a", "b"]) site.recover(name);
    const a = await site.start("a", [], 1);
    await a.ready();
    const rejected = rejectionOf(a);
    const b = await site.start("b", a.addresses, 1);
    await b.ready();
    expect(await rejected).toContain("by two runs, and never merge. Go on with one");
    // an epoch of one of them: the other must not take it for its own
    const third = await site.start("third", a.addresses, 1);
    await third.ready();
    for (const node of [a, b]) {
      expect((await node.client.get("done-7"))?.state).toBe("completed");
      const handle = await node.client.submit(echo, 1, { id: "after" });
      expect(await handle.done()).toMatchObject({ state: "completed" });
    }
    expect((await b.client.nodes()).map(({ name }) => name)).toEqual(["b"]);
    await Promise.all([a, b, third].map((node) => node.stop({ now: true })));
    const together = stolos(
      "recover",
      "--data",
      site.of("a"),
      "--data",
      site.of("b"),
      "--yes",
    );
    expect(together.code).toBe(1);
    expect(together.text).toContain("by runs of recover that were given some of its directories only");
    expect(together.text).toContain("Nothing was changed");
  },
);

test(
  "of four nodes one is left: partitions without a copy are named, and their tasks can come again",
  async () => {
    using site = new Site();
    const names = ["p", "q", "r", "s"];
    const first = await site.start("p", [], 4);
    const nodes = [
      first,
      ...await Promise.all(names.slice(1).map((name) => site.start(name, first.addresses, 4))),
    ];
    await Promise.all(nodes.map((node) => node.ready()));
    const ids = Array.from({ length: 60 }, (_, i) => `t-${i}`);
    const fences = new Map<string, bigint>();
    for (const id of ids) await (await first.client.submit(echo, 1, { id })).done();
    for (const id of ids) fences.set(id, BigInt((await first.client.get(id))!.fence));
    await Promise.all(nodes.map((node) => node.stop({ now: true })));

    const written = stolos("recover", "--data", site.of("q"), "--yes", "--json");
    expect(written.code).toBe(0);
    const { lost, missing, tasks } = JSON.parse(written.text);
    expect(lost.length).toBeGreaterThan(0);
    expect(missing.length).toBe(3);
    const survivor = await site.start("q", [], 1);
    await survivor.ready();
    const gone: string[] = [];
    for (const id of ids) {
      const task = await survivor.client.get(id);
      if (!task) gone.push(id);
      expect(lost.includes(partitionOf(id, 16)) ? task : undefined).toBeUndefined();
    }
    expect(ids.length - gone.length).toBe(tasks);
    expect(gone.length).toBeGreaterThan(0);
    for (const id of gone) {
      const handle = await survivor.client.submit(echo, 2, { id });
      expect(handle.created).toBe(true);
      expect(await handle.done()).toMatchObject({ state: "completed", result: 2 });
      expect(BigInt((await survivor.client.get(id))!.fence)).toBeGreaterThan(fences.get(id)!);
    }
    await survivor.stop({ now: true });
  },
);

test("recover says what it needs", () => {
  expect(stolos("recover")).toMatchObject({ code: 1 });
  expect(stolos("recover", "--data", join(tmpdir(), "stolos-recover-none")).text).toContain(
    "there must be a node's state",
  );
});
