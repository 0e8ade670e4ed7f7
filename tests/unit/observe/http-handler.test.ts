/** What a node answers over HTTP, by function and by socket, and what its metrics count. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { createNode, defineTask, FatalError, httpHandler, type Node, serveHttp } from "../../../mod.ts";

const work = defineTask<string, null>({ name: "work" });

async function alone(): Promise<Node> {
  const node = await createNode({ coordinator: "embedded", drainTimeoutMs: 100, capacity: 7 });
  node.handle(work, (task) => {
    if (task.input === "fail") throw new FatalError("no");
    return null;
  });
  return node;
}

const get = (path: string, method = "GET"): Request => new Request(`http://x${path}`, { method });

/** `name{labels}` → value of what /metrics says. */
async function scrape(handler: (request: Request) => Promise<Response>): Promise<Map<string, number>> {
  const text = await (await handler(get("/metrics"))).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const cut = line.lastIndexOf(" ");
    return [line.slice(0, cut), Number(line.slice(cut + 1))];
  }));
}

test("a node is healthy while it lives, and ready from its first quorum until it drains", async () => {
  const node = await alone();
  const handler = httpHandler(node);
  const both = async (): Promise<string> => {
    const [health, ready] = [await handler(get("/healthz")), await handler(get("/readyz"))];
    return `${health.status} ${ready.status} ${(await ready.text()).trim()}`;
  };
  expect(await both()).toContain("200 503 the node is in no cluster yet");
  await node.ready();
  expect(await both()).toBe("200 200 ready");
  await node.drain();
  expect(await both()).toBe("200 503 the node is draining");
  await node.stop();
  expect(await both()).toBe("503 503 the node is stopped");
});

test("paths that are not there and methods that are not are distinguished", async () => {
  await using node = await alone();
  const handler = httpHandler(node);
  expect((await handler(get("/"))).status).toBe(404);
  expect((await handler(get("/__proto__"))).status).toBe(404);
  expect((await handler(get("/metrics", "POST"))).status).toBe(405);
  const head = await handler(get("/healthz", "HEAD"));
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(await (await handler(get("/info"))).json()).toMatchObject({ name: node.name, tasks: [] });
});

test("attempts are counted by task and by how they ended", async () => {
  await using node = await alone();
  const handler = httpHandler(node);
  await node.ready();
  const handles = await Promise.all(
    ["ok", "ok", "fail"].map((input) => node.client.submit(work, input)),
  );
  await Promise.all(handles.map((handle) => handle.done()));
  const seen = await scrape(handler);
  expect(seen.get('stolos_attempts_started_total{task="work"}')).toBe(3);
  expect(seen.get('stolos_attempts_ended_total{task="work",outcome="done"}')).toBe(2);
  expect(seen.get('stolos_attempts_ended_total{task="work",outcome="error"}')).toBe(1);
  expect(seen.get('stolos_attempts_ended_total{task="work",outcome="lost"}')).toBe(0);
  expect(seen.get('stolos_attempt_duration_seconds_bucket{task="work",le="+Inf"}')).toBe(3);
  expect(seen.get('stolos_attempt_duration_seconds_bucket{task="work",le="10"}')).toBe(3);
  expect(seen.get('stolos_attempt_duration_seconds_count{task="work"}')).toBe(3);
  expect(seen.get("stolos_submits_total")).toBe(3);
  expect(seen.get('stolos_stewarded_tasks{state="completed"}')).toBe(2);
  expect(seen.get('stolos_stewarded_tasks{state="failed"}')).toBe(1);
  expect(seen.get("stolos_capacity_tasks")).toBe(7);
  expect(seen.get("stolos_kept_partitions")).toBe(128);
  expect(seen.get("stolos_stewarded_partitions")).toBe(128);
  expect(seen.get("stolos_unstewarded_partitions")).toBe(0);
  expect(seen.get("stolos_store_commits_total")).toBeGreaterThan(0);
});

test("what runs and what waits is what the gauges say", async () => {
  await using node = await createNode({ coordinator: "embedded", drainTimeoutMs: 100, capacity: 1 });
  const ends = Promise.withResolvers<null>();
  const began = Promise.withResolvers<void>();
  node.handle(work, () => (began.resolve(), ends.promise));
  await node.ready();
  for (const id of ["a", "b"]) await node.client.submit(work, "", { id });
  await began.promise;
  const seen = await scrape(httpHandler(node));
  expect(seen.get("stolos_running_tasks")).toBe(1);
  expect(seen.get("stolos_leases")).toBe(1);
  expect(seen.get('stolos_stewarded_tasks{state="pending"}')).toBe(1);
  ends.resolve(null);
});

test("the server answers over a socket, and a request that is no HTTP hurts nobody", async () => {
  await using node = await alone();
  await using server = await serveHttp(httpHandler(node), { port: 0 });
  const answered = await fetch(`${server.url}/metrics`);
  expect(answered.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  expect(await answered.text()).toContain("# TYPE stolos_ready gauge");
  const posted = await fetch(`${server.url}/healthz`, { method: "POST", body: "x".repeat(100_000) });
  expect(posted.status).toBe(405);
  const { port } = new URL(server.url);
  const garbage = connect(Number(port), "127.0.0.1");
  await new Promise<void>((resolve) => {
    garbage.on("error", () => {});
    garbage.on("close", () => resolve());
    garbage.on("data", () => {});
    garbage.end("nonsense\r\n\r\n");
  });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("a port in use is an error of the one who asks for it", async () => {
  await using node = await alone();
  await using server = await serveHttp(httpHandler(node), { port: 0 });
  const port = Number(new URL(server.url).port);
  await expect(serveHttp(() => Promise.reject(new Error("never asked")), { port })).rejects.toThrow();
});

test("a handler that throws is a 500 without what it threw", async () => {
  await using server = await serveHttp(() => Promise.reject(new Error("secret")), { port: 0 });
  const answered = await fetch(server.url);
  expect([answered.status, await answered.text()]).toEqual([500, "internal error\n"]);
});
