/** A cluster of three runtimes that listens on all addresses: who has no business there gets nothing. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stolos } from "../support/cluster.ts";
import { GuardedCluster, WireTap } from "../support/intruders.ts";

test("strangers learn nothing, members tell of them, and friends are served", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-guarded-"));
  await using after = new AsyncDisposableStack();
  after.defer(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = after.use(new GuardedCluster(directory));
  await cluster.start(["node", "bun", "deno"]);
  const [first = "", second = "", third = ""] = await cluster.addresses();
  const strangers = [
    [first, []],
    [second, ["--secret-file", cluster.otherFile]],
    [third, ["--secret-file", cluster.secretFile]],
  ] as const;
  const taps = await Promise.all(strangers.map(([address]) => WireTap.before(address)));
  for (const tap of taps) after.use(tap);
  const results = await Promise.all(
    strangers.map(([, more], at) => cluster.nodes(taps[at]!.address, more)),
  );
  expect(results.map(({ code }) => code)).toEqual([2, 2, 2]);
  for (const { bytes } of taps) {
    expect(bytes.toString("latin1")).not.toMatch(/stolos|multistream|noise|12D3Koo/);
  }
  // the nonce of the private network, and nothing else; the reset that follows may overtake it
  for (const { bytes, connectionCount } of taps.slice(0, 2)) {
    expect(bytes.length % 24).toBe(0);
    expect(bytes.length).toBeLessThanOrEqual(24 * connectionCount);
  }
  expect(await cluster.haveReportedAll()).toBe(true);

  const known = await cluster.nodes(first, cluster.friend);
  expect([known.code, known.json().length]).toEqual([0, 3]);
  // the first peer has the secret from its environment; its commands do not
  const target = ["--namespace", cluster.namespace, "--join", first, ...cluster.friend];
  const command = ["sh", "-c", 'test -z "$STOLOS_SECRET"'];
  const ran = await stolos("node", ["submit", "--wait", "--node", "node-0", ...target, "--", ...command]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
});
