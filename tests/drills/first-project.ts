/**
 * From nothing to a handler of one's own on three peers, on each runtime: an empty directory, the packed
 * tarball or a checkout, `stolos init`, and then what it says, with a stop-watch. Once more with the
 * environment that the project's compose file has. Needs a registry of packages.
 *
 *   --runtime R   of one alone
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { type Report, runShow, seconds } from "../support/drill.ts";
import { outlivesAPeer, runIn } from "../support/first-project.ts";
import { freePort } from "../support/free-port.ts";
import { pack } from "../support/packed.ts";
import { optionOf } from "../sim/options.ts";

const ROOT = join(import.meta.dirname, "../..");
const MAIN = join(ROOT, "src/cli/main.ts");

interface Way {
  readonly runtime: Runtime;
  readonly title: string;
  /** What makes the project in an empty directory; TARBALL stands for its path. */
  readonly commands: readonly string[];
}

const WAYS: readonly Way[] = [
  { runtime: "node", title: "Node, the tarball", commands: ["npm install TARBALL", "npx stolos init"] },
  { runtime: "node", title: "Node, a checkout", commands: [`node ${MAIN} init`] },
  { runtime: "bun", title: "Bun, the tarball", commands: ["bun add TARBALL", "bunx stolos init"] },
  { runtime: "deno", title: "Deno, a checkout", commands: [`deno run -A ${MAIN} init`] },
  {
    runtime: "deno",
    title: "Deno, the tarball by npm",
    commands: ["npm install TARBALL", "npx stolos init --runtime deno"],
  },
];

async function go(report: Report, way: Way, directory: string, tarball: string): Promise<void> {
  const { runtime, title } = way;
  const startedMs = performance.now();
  const step = async (command: string): Promise<string> => {
    const stepMs = performance.now();
    const { code, output } = await runIn(directory, ["sh", "-c", command]);
    const took = seconds(performance.now() - stepMs);
    report.check(
      `${title}: ${command.replaceAll(ROOT, "CHECKOUT")}: ${took}`,
      code === 0,
      code === 0 ? "" : output,
    );
    return output;
  };
  let said = "";
  for (const command of way.commands) {
    const isInit = command.includes(" init");
    said = await step(command.replace("TARBALL", `./${relative(directory, tarball)}`));
    if (isInit) report.say(said);
  }
  const next = said.split("\n").filter((line) => line.startsWith("  ")).map((line) =>
    line.split("#")[0]!.trim()
  );
  for (const command of next) {
    // these go on until they are ended: below
    if (!/ (peer|submit)$/.test(command)) await step(command);
  }
  const check = runtime === "deno" ? "deno task check" : "npm run check";
  await step(check);
  const { output, counted, attempt, from } = await outlivesAPeer(directory, runtime);
  const isDone = attempt >= 2 && from >= counted;
  report.check(
    `${title}: three peers, one killed at ${counted}, the next began at ${from}`,
    isDone,
    isDone ? "" : output,
  );
  report.say(`${title}: ${seconds(performance.now() - startedMs)} in all`);
}

/** As in a container each: a secret by file, a store, addresses to join, a health check. */
async function asComposed(report: Report, way: Way, directory: string): Promise<void> {
  const secret = join(directory, "secret.txt");
  writeFileSync(secret, "0123456789".repeat(5));
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const http = await Promise.all([freePort(), freePort(), freePort()]);
  const common = {
    STOLOS_SECRET_FILE: secret,
    STOLOS_JOIN: ports.map((port) => `/dns4/localhost/tcp/${port}`).join(","),
  };
  const compose = readFileSync(join(directory, "compose.yaml"), "utf8");
  const set = [...new Set(compose.match(/\bSTOLOS_[A-Z_]+(?=:)/g))].sort();
  const environments = ports.map((port, at) => ({
    ...common,
    STOLOS_LISTEN: `/ip4/127.0.0.1/tcp/${port}`,
    STOLOS_DATA: join(directory, "data", String(at)),
    STOLOS_HTTP_PORT: String(http[at]),
  }));
  report.check(
    `${way.title}: these are the variables of its compose file`,
    set.join() === Object.keys(environments[0]!).sort().join(),
    set.join(" "),
  );
  const health: number[] = [];
  const { output, attempt, from } = await outlivesAPeer(directory, way.runtime, environments, async () => {
    for (const port of http) health.push((await fetch(`http://127.0.0.1:${port}/healthz`)).status);
  });
  report.check(`${way.title}: each is healthy`, health.join() === "200,200,200", health.join());
  report.check(
    `${way.title}: as composed, a task outlives its peer`,
    attempt >= 2 && from > 0,
    output.trim(),
  );
}

await runShow("a project of one's own on three peers", async (report, directory) => {
  const packed = pack(directory);
  const asked = optionOf("runtime", "");
  for (const [at, way] of WAYS.entries()) {
    if (asked !== "" && asked !== way.runtime) continue;
    const project = join(directory, `tasks-${at}`);
    mkdirSync(project);
    await go(report, way, project, packed);
    await asComposed(report, way, project);
  }
});
