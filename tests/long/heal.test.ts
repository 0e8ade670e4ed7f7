/**
 * Three peers that join each other, and a network that loses everything of one for longer than a link lives:
 * when the network is back they are connected within 5 s. `npm run drill heal` has more patterns.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cut, CutCluster } from "../support/cut-cluster.ts";
import { delay, eventually } from "../support/drill.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";

const CUT_MS = 15_000;
const HEALED_MS_MAX = 5000;
const FIRST: readonly Cut[] = [[0, 1], [1, 0], [0, 2], [2, 0]];

for (const isRouted of [true, false]) {
  const where = isRouted ? "on hosts" : "through a relay";
  test.skipIf(isRouted && whyNoNetworks() !== "")(
    `a peer that was cut off for 15 s is connected to all within 5 s, ${where}`,
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "stolos-heal-"));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rmSync(directory, { recursive: true, force: true }));
      const cluster = stack.use(
        await CutCluster.start(isRouted, {
          namespace: `heal-${process.pid}`,
          runtimes: ["node", "bun", "deno"],
          args: ["--insecure"],
          directory,
        }),
      );
      const areConnected = async (): Promise<boolean> =>
        (await cluster.connectedCounts()).every((count) => count === 2);
      expect(await eventually(areConnected, 10_000)).toBe(true);
      cluster.cut(FIRST, true);
      const endMs = performance.now() + CUT_MS;
      const isNoticed = async (): Promise<boolean> => (await cluster.connectedCounts())[0] === 0;
      expect(await eventually(isNoticed, CUT_MS)).toBe(true);
      await delay(endMs - performance.now());
      expect(cluster.lostCount).toBeGreaterThan(0);
      cluster.cut(FIRST, false);
      expect(await eventually(areConnected, HEALED_MS_MAX)).toBe(true);
    },
  );
}
