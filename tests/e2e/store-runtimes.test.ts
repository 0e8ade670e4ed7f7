/**
 * The durable store on each runtime, and each on what another left: open, append, kill, open again. Also what
 * a program sees of it through createNode.
 */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { meaningOf } from "../support/records.ts";
import { DurableFixture, killedWriter } from "../support/store-fixture.ts";

const ROUNDS: readonly Runtime[] = ["node", "deno", "bun", "node"];

test("what one runtime acked before it was killed is there on the next", async () => {
  await using fixture = new DurableFixture();
  let boot = 0;
  for (const runtime of ROUNDS) {
    const acked = await killedWriter(fixture.directory, runtime);
    boot += 2;
    const store = fixture.next();
    await store.open();
    const promised = Number(/promise,(\d+)/.exec(meaningOf(store.load()))?.[1] ?? 0);
    expect({ runtime, boot: store.boot, isThere: promised >= acked }).toEqual({
      runtime,
      boot,
      isThere: true,
    });
    const key = await store.privateKey(() => Promise.reject(new Error("there is one")));
    expect(new TextDecoder().decode(key)).toBe("the first key");
    await store.close();
  }
});

for (const runtime of ["node", "deno", "bun"] as const) {
  test(
    `${runtime}: a node on a directory comes back as itself, and one that is open is refused`,
    async () => {
      await using fixture = new DurableFixture();
      const [command = "", ...args] = commandOn(runtime, "tests/support/store-node.ts", [
        fixture.directory,
      ]);
      const ran = (): Record<string, unknown> =>
        JSON.parse(execFileSync(command, args, { encoding: "utf8", timeout: 120_000 })) as Record<
          string,
          unknown
        >;
      const [first, second] = [ran(), ran()];
      expect(second["id"]).toBe(first["id"]);
      expect(first["refused"]).toMatch(
        /^STORE_BUSY Cannot open the store in .*: it is open already, by this process/,
      );
      expect(first["wrong"]).toBe(
        "Cannot create a node: store must be a Store, as sqliteStore makes one, got 1",
      );
    },
  );
}
