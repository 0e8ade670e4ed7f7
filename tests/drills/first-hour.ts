/**
 * The README from the top, with a stop-watch, in a clone of its own: the demo, a task file on three peers in
 * three network namespaces with a secret, one of them killed. `node tests/drills/first-hour.ts` (root).
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { blocksOf } from "../support/doc-blocks.ts";
import { type CommandResult, stolos } from "../support/cluster.ts";
import { TestNetwork } from "../support/netns.ts";
import { delay, runShow, seconds } from "../support/drill.ts";

const ROOT = join(import.meta.dirname, "../..");
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

await runShow("a stranger's first hour", async (report, directory) => {
  const clone = join(directory, "stolos");
  const step = (what: string, command: string, cwd = directory): void => {
    const startedMs = performance.now();
    const { status, stdout } = spawnSync("sh", ["-c", command], { cwd, encoding: "utf8" });
    const took = seconds(performance.now() - startedMs);
    report.check(`${what}: ${took}`, status === 0, stdout.trim().split("\n").at(-1));
  };
  step("git clone", `git clone -q "${ROOT}" stolos`);
  step("npm ci && npm run demo", "npm ci --no-audit --no-fund && npm run demo", clone);

  const startedMs = performance.now();
  const [handlers] = blocksOf("docs/cli.md").filter(({ code }) => code.includes("export function handlers"));
  const file = join(directory, "handlers.ts");
  writeFileSync(
    file,
    handlers!.code.replace('from "stolos"', `from ${JSON.stringify(join(ROOT, "mod.ts"))}`),
  );
  const secret = join(directory, "secret");
  writeFileSync(secret, spawnSync("openssl", ["rand", "-base64", "48"], { encoding: "utf8" }).stdout);
  using network = new TestNetwork(3);
  await using peers = new AsyncDisposableStack();
  const started = network.hosts.map((host, at) => {
    const net = ["--listen", `/ip4/${host.address}/tcp/4001`, "--secret-file", secret];
    const own = ["--namespace", "koalemos", "--name", host.name, "--expect", "3", "--handlers", file];
    return peers.use(
      new PeerProcess({ runtime: RUNTIMES[at]!, args: [...own, ...net], prefix: host.prefix }),
    );
  });
  await Promise.all(started.map((peer) => peer.ready()));
  const run = (...args: readonly string[]): Promise<CommandResult> => {
    const at = network.hosts[0]!;
    const at4001 = `/ip4/${at.address}/tcp/4001`;
    const how = ["--namespace", "koalemos", "--join", at4001, "--secret-file", secret, "--json"];
    const [command = "", ...rest] = args;
    return stolos("node", [command, ...how, ...rest], at.prefix);
  };
  const own = await run("submit", "--wait", "--task", "fetch", "--input", '{"url":"data:,hi"}');
  const took = seconds(performance.now() - startedMs);
  report.check(`an own task file on three peers of three hosts: ${took}`, own.code === 0, own.stdout.trim());

  const submitted = await run("submit", "--id", "long", "--", "sleep", "3");
  report.check("a command is submitted", submitted.code === 0);
  await delay(1000);
  const ownerOf = async (): Promise<string> => {
    const [info] = (await run("task", "long")).json();
    return String(info?.["ownerName"]);
  };
  const owner = await ownerOf();
  const at = network.hosts.findIndex(({ name }) => name === owner);
  // the commands ask the first: it stays, so that they can
  const victim = at > 0 ? at : -1;
  const killedMs = performance.now();
  if (victim > 0) started[victim]!.signal("SIGKILL");
  else started[2]!.signal("SIGKILL");
  const [ended] = (await run("submit", "--id", "long", "--wait", "--", "sleep", "3")).json().slice(-1);
  report.say(
    `killed ${victim > 0 ? "its peer" : "another peer"}; it ended ${
      seconds(performance.now() - killedMs)
    } later`,
  );
  report.check("it completed", ended?.["state"] === "completed", JSON.stringify(ended));
});
