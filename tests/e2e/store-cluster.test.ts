/** A cluster that loses the power: all peers are killed at once, and all come back on their directories. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, stolos } from "../support/cluster.ts";

const RUNTIMES = ["node", "bun", "deno"] as const;

test("a cluster whose peers were all killed has lost nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-power-"));
  try {
    const options = { namespace: `power-${process.pid}`, runtimes: RUNTIMES, directory };
    const before = await life(options, async (cluster, run) => {
      expect((await run("submit", "--id", "done", "--wait", "--", "true")).code).toBe(0);
      expect((await run("submit", "--id", "long", "--", "sleep", "4")).code).toBe(0);
      for (const peer of cluster.peers) peer.signal("SIGKILL");
    });
    const after = await life(options, async (_cluster, run) => {
      const [done] = (await run("task", "--json", "done")).json();
      expect({ state: done?.["state"], attempt: done?.["attempt"] }).toEqual({
        state: "completed",
        attempt: 1,
      });
      // the same id is the same task still, and the one that was cut short runs again
      expect((await run("submit", "--json", "--id", "done", "--", "true")).json()).toEqual([
        { id: "done", created: false },
      ]);
      expect((await run("submit", "--id", "long", "--wait", "--", "sleep", "4")).code).toBe(0);
    });
    expect(after).toEqual(before);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

type Run = (...args: string[]) => ReturnType<typeof stolos>;

/** Tells the identities of the peers. */
async function life(
  options: ConstructorParameters<typeof Cluster>[0],
  live: (cluster: Cluster, run: Run) => Promise<void>,
): Promise<readonly unknown[]> {
  await using cluster = await Cluster.start(options);
  const client = await cluster.clientArgs();
  await live(cluster, (command = "", ...args) => stolos("bun", [command, ...client, ...args]));
  return cluster.peers.map((peer) => peer.events.find(({ event }) => event === "listening")?.["node"]);
}
