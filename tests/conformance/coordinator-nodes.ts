/** Part of the suite in coordinator.ts: nodes that are frozen, and commands to nodes. */
import { expect, test } from "bun:test";
import { NotFoundError } from "../../src/base/errors.ts";
import type { NodeCommand } from "../../src/protocol/model/messages.ts";
import { CALL, spec, type TestCluster } from "./test-cluster.ts";

/** Nodes that take nothing new. */
export function frozenTests(cluster: TestCluster): void {
  test("a frozen consumer keeps what it runs and is granted nothing until it is unfrozen", async () => {
    await cluster.any(0).submit([spec("before")], CALL);
    const before = await cluster.started("before");
    for (const each of cluster.hands) each.control.offer(0, ["work"], "frozen");
    await cluster.any(0).submit([spec("while")], CALL);
    let why = "";
    while (!why.includes("frozen")) why = (await cluster.any(1).get("while", CALL))?.why ?? "";
    const count = cluster.all.length;
    expect(why).toBe(`all ${count} nodes with a handler named "work" are frozen: unfreeze one`);
    expect(await cluster.any(1).get("before", CALL)).toMatchObject({ state: "leased" });
    expect(cluster.hands.map((each) => each.take("while"))).toEqual(cluster.all.map(() => undefined));
    for (const each of cluster.hands) each.control.offer(20, ["work"], "up");
    const started = await cluster.started("while");
    for (const each of [before, started]) {
      expect(await each.settle({ type: "complete", result: null })).toBe(true);
    }
  });

  test("every member sees which ones are frozen", async () => {
    const [first] = cluster.hands;
    const seen = async (frozen: boolean): Promise<void> => {
      const self = cluster.any(0).self;
      for (const coordinator of cluster.all) {
        while (
          (await coordinator.nodes(CALL)).some((info) => info.frozen !== (frozen && info.node === self))
        ) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    first?.control.offer(0, ["work"], "frozen");
    await seen(true);
    first?.control.offer(20, ["work"], "up");
    await seen(false);
  });
}

/** Commands to nodes. */
export function commandTests(cluster: TestCluster): void {
  let cid = 0;
  const give = (at: number, node: string, command: NodeCommand, as = ++cid): Promise<void> =>
    cluster.any(at).commandNode({ node, command, cid: as }, CALL);

  test("a command is done by the node that it names, by name or id, whoever is asked", async () => {
    for (const [at, hands] of cluster.hands.entries()) {
      const { name, self } = cluster.any(at);
      for (const asked of cluster.all.keys()) {
        await give(asked, name, { type: "freeze" });
        await give(asked, self, { type: "balance" });
      }
      expect(hands.commands.splice(0).map(({ type }) => type)).toEqual(
        cluster.all.flatMap(() => ["freeze", "balance"]),
      );
    }
    expect(cluster.hands.flatMap((each) => each.commands)).toEqual([]);
  });

  test("a repeat with the same number is answered, whoever is asked, and not done twice", async () => {
    const { name } = cluster.any(0);
    for (const asked of cluster.all.keys()) await give(asked, name, { type: "balance" }, 1e9);
    await Promise.all([1, 2, 2].map((asked) => give(asked, name, { type: "drain" }, 1e9 + 1)));
    expect(cluster.hands.map((each) => each.commands.splice(0).map(({ type }) => type))).toEqual(
      cluster.hands.map((_, at) => at === 0 ? ["balance", "drain"] : []),
    );
  });

  test("a node or task that is not there is an error, and nothing is done", async () => {
    await expect(give(0, "nobody", { type: "freeze" })).rejects.toThrow(NotFoundError);
    await expect(give(1, cluster.any(0).name, { type: "stopTask", id: "gone" })).rejects.toThrow(
      `Cannot stop task "gone" on node "${cluster.any(0).name}": the task does not run there`,
    );
    expect(cluster.hands.flatMap((each) => each.commands.splice(0))).toEqual([
      { type: "stopTask", id: "gone" },
    ]);
  });
}
