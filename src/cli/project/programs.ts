/** The programs of a project that `stolos init` writes: a task with its handler, a peer, a client, a test. */
import type { ProjectOptions } from "./options.ts";

/** Their texts, by file. */
export function programs({ name, runtime }: ProjectOptions): Readonly<Record<string, string>> {
  return {
    "count.ts": COUNT,
    "cluster.ts": CLUSTER.replace("NAME", name),
    "peer.ts": PEER,
    "submit.ts": SUBMIT,
    "count.test.ts": TEST.replace("RUNNER", runtime === "bun" ? "bun:test" : "node:test"),
  };
}

const COUNT = `/** The task of this project and its handler. Put your own in their place. */
import { type Context, defineTask, type Task } from "stolos";

export type CountInput = { to: number };

/** What peers and clients agree on: the task's name, its input, its result. */
export const count = defineTask<CountInput, string>({ name: "count" });

/** Counts to \`to\`, two a second. After a crash the last checkpoint counts. */
export async function countUp(task: Task<CountInput>, ctx: Context) {
  const from = (task.state ?? 0) as number;
  for (let at = from; at < task.input.to;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    // this attempt has to end: another peer goes on from here
    ctx.signal.throwIfAborted();
    at += 1;
    await ctx.checkpoint(at);
    console.log(\`\${task.id}: \${at}\`);
  }
  return \`attempt \${ctx.attempt} counted from \${from} to \${task.input.to}\`;
}
`;

const CLUSTER = `/** Which cluster: what its peers and clients agree on. */
import { readFileSync } from "node:fs";
import process from "node:process";

const { STOLOS_JOIN, STOLOS_SECRET_FILE: secretFile } = process.env;

export const cluster = {
  namespace: "NAME",
  // addresses of peers, where they do not find each other by mDNS
  join: STOLOS_JOIN ? STOLOS_JOIN.split(",") : [],
  // needed beyond this machine: 32 characters or more, the same for all
  secret: secretFile ? readFileSync(secretFile, "utf8").trim() : undefined,
};
`;

const PEER = `/** A peer: runs this project's tasks, and keeps records of some. Start three. */
import process from "node:process";
import * as stolos from "stolos";
import { cluster } from "./cluster.ts";
import { count, countUp } from "./count.ts";

const { STOLOS_LISTEN, STOLOS_DATA, STOLOS_HTTP_PORT } = process.env;

const node = await stolos.createNode({
  ...cluster,
  // the first three found the cluster together, later ones join it
  expect: 3,
  listen: [STOLOS_LISTEN ?? "/ip4/127.0.0.1/tcp/0"],
  store: STOLOS_DATA ? stolos.sqliteStore(STOLOS_DATA) : stolos.memoryStore(),
  // Ctrl-C and SIGTERM: its tasks go to the others, then it ends
  handleSignals: true,
  // "debug" has each attempt
  logLevel: "debug",
  log: (record) => console.log(JSON.stringify(record)),
});
node.handle(count, countUp);
console.log(node.name, "listens on", node.addresses);

if (STOLOS_HTTP_PORT) {
  // /healthz, /readyz, /info
  const port = Number(STOLOS_HTTP_PORT);
  await stolos.serveHttp(stolos.httpHandler(node), { port });
}
`;

const SUBMIT = `/**
 * Submits a task and waits for its end: submit.ts [TO] [ID]. Stopped and started
 * again with the same id it waits for the same task, which runs once.
 */
import process from "node:process";
import { connectClient } from "stolos";
import { cluster } from "./cluster.ts";
import { count } from "./count.ts";

const [to = "60", id = \`count-\${Date.now()}\`] = process.argv.slice(2);
await using client = await connectClient(cluster);
// resolves once most of those who keep it have it: it is not lost any more
const input = { to: Number(to) };
const task = await client.submit(count, input, { id, attempts: 5 });
console.log(task.id, task.created ? "is submitted" : "was submitted before");
console.log(await task.done());
`;

const TEST = `/** Three peers in one process on virtual time: a minute takes a moment. */
import assert from "node:assert/strict";
import { test } from "RUNNER";
import { simulate } from "stolos/testing";
import { count, countUp } from "./count.ts";

test("after a crash the last checkpoint counts", async () => {
  await using cluster = simulate({ nodes: 3, seed: 1 });
  cluster.handle(count, countUp);
  const task = await cluster.submit(count, { to: 12 }, { id: "dozen" });
  await cluster.advance(4000);
  cluster.crash(cluster.runs("dozen")[0]!.node);
  const outcome = await cluster.until(task.done());
  assert.equal(outcome.state, "completed");
  assert.match(outcome.result, /^attempt 2 counted from [5-8] to 12$/);
  cluster.noOverlap();
});
`;
