/** `stolos peer --http` on the three runtimes: probes in a majority and in a minority, metrics, info. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { commandOn } from "../../examples/demo/peer-process.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { ask, promtool, valueOf } from "../support/http-peers.ts";
import { eventually } from "../support/drill.ts";

const hasPromtool = await promtool("") !== null;

test("a peer is ready in a majority, and in a minority it is not, on each runtime", async () => {
  await using cluster = await Cluster.start({
    namespace: `http-${process.pid}`,
    runtimes: ["node", "bun", "deno"],
    args: ["--http", "127.0.0.1:0", "--lease-ttl", "2s"],
  });
  for (const peer of cluster.peers) {
    expect(await ask(peer, "/healthz")).toEqual({ status: 200, body: "ok\n" });
    // that it serves is told before it has heard of all keepers that they do
    expect(await eventually(async () => (await ask(peer, "/readyz")).body === "ready\n")).toBe(true);
    const { status, body } = await ask(peer, "/metrics");
    expect(status).toBe(200);
    expect([valueOf(body, "stolos_ready"), valueOf(body, "stolos_connected_members")]).toEqual([1, 2]);
    if (hasPromtool) expect(await promtool(body)).toEqual({ code: 0, complaints: "" });
  }
  const [last, ...others] = cluster.peers;
  for (const peer of others) peer.signal("SIGKILL");
  // not ready as soon as it misses them, and without a quorum when its leases end
  expect(await eventually(async () => (await ask(last!, "/readyz")).status === 503)).toBe(true);
  const reason = async (): Promise<string> => (await ask(last!, "/readyz")).body;
  expect(await eventually(async () => (await reason()).startsWith("no quorum: "))).toBe(true);
  expect(await reason()).toMatch(/^no quorum: 128 of 128 partitions have no quorum: .+ do not serve\n$/);
  expect((await ask(last!, "/healthz")).status).toBe(200);
  const { body } = await ask(last!, "/metrics");
  expect(["stolos_ready", "stolos_quorum"].map((name) => valueOf(body, name))).toEqual([0, 0]);
  // a busy machine may have lost it before
  expect(valueOf(body, "stolos_quorum_losses_total")).toBeGreaterThan(0);
});

test("a port that is in use is bad usage, and is told before anything is joined", async () => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { readonly port: number };
  const { code, stdout, stderr } = await stolos("bun", [
    "peer",
    "--namespace",
    "taken",
    "--http",
    `127.0.0.1:${port}`,
  ]);
  taken.close();
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(`Cannot use --http 127.0.0.1:${port}: `);
});

const SERVER_BY_RUNTIME = { node: "serveHttp", bun: "Bun.serve", deno: "Deno.serve" } as const;

for (const runtime of ["node", "bun", "deno"] as const) {
  test(`${SERVER_BY_RUNTIME[runtime]} takes the handler as it is`, async () => {
    const [command = "", ...args] = commandOn(runtime, "tests/support/http-mount.ts", []);
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: child.stdout }), "line") as [string];
    const { port, by } = JSON.parse(line) as { readonly port: number; readonly by: string };
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([by, ready.status, await ready.text()]).toEqual([SERVER_BY_RUNTIME[runtime], 200, "ready\n"]);
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain("\nstolos_ready 1\n");
    child.stdin.end();
    await once(child, "exit");
  });
}

test.skipIf(!hasPromtool)("the alerting rules are rules, of metrics that there are", async () => {
  const file = new URL("../../examples/deploy/alerts.yaml", import.meta.url);
  const child = spawn("promtool", ["check", "rules", fileURLToPath(file)], { stdio: "ignore" });
  expect(await once(child, "exit")).toEqual([0, null]);
});

if (!hasPromtool) test.skip("promtool is not installed: the format of /metrics was not checked", () => {});
