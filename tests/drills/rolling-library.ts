/**
 * Show: the README's program on three hosts (network namespaces: Linux, root) is replaced twenty times, one
 * host after the other, by a script that knows SIGTERM and /readyz alone, while ten tasks run. None is lost,
 * though all state is in memory. `-- kill 5` replaces five
 * with SIGKILL instead, as a program that handles no signals ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { type NetHost, TestNetwork } from "../support/netns.ts";
import { judgeGaps } from "../support/owner-gaps.ts";
import { some } from "../support/steady-load.ts";

const TASK_COUNT = 10;
const ROUNDS = Number(process.argv[3] ?? 20);
const READY_WITHIN_MS = 90_000;
const SIGNAL = process.argv[2] === "kill" ? "SIGKILL" : "SIGTERM";
/** A killed one's tasks wait for its leases to end. */
const GAP_MS_MAX = SIGNAL === "SIGKILL" ? 10_000 : 6000;
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const NAMESPACE = `show-rolling-${process.pid}`;
const SECRET = "of the whole cluster ".repeat(3);

interface Program {
  readonly host: NetHost;
  child: ChildProcess;
}

await runShow(
  `three programs replaced ${ROUNDS} times with ${SIGNAL}, by readyz`,
  async (report, directory) => {
    using network = new TestNetwork(3);
    const start = (host: NetHost, runtime: Runtime): ChildProcess => {
      const [command = "", ...args] = [
        ...host.prefix,
        ...commandOn(runtime, "tests/support/rolling-program.ts", []),
      ];
      const env = { ...process.env, NAMESPACE, SECRET, HOST: host.address, STOLOS_BEATS: directory };
      return spawn(command, args, { stdio: "inherit", env });
    };
    const programs = network.hosts.map((host, at): Program => ({ host, child: start(host, RUNTIMES[at]!) }));
    try {
      for (const { host } of programs) await untilReady(host);
      const ids = await submit();
      const running = (): number => new Set(readAttempts(directory).map(({ task }) => task)).size;
      report.check("all tasks run", await eventually(() => running() === ids.length, 20_000));
      for (let round = 0; round < ROUNDS; round++) {
        const program = programs[round % programs.length]!;
        await replace(report, program, () => start(program.host, RUNTIMES[round % RUNTIMES.length]!), round);
      }
      await delay(2000);
      await judge(report, ids, directory);
    } finally {
      await Promise.all(programs.map(({ child }) => end(child, "SIGKILL")));
    }
  },
);

async function submit(): Promise<string[]> {
  await using client = await connectClient({ namespace: NAMESPACE, secret: SECRET });
  const items = Array.from({ length: TASK_COUNT }, (_, at) => ({ id: `lasting-${at}`, input: {} }));
  return (await client.submitMany(lasting, items)).map(({ id }) => id);
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  const gone = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill(signal);
  return gone;
}

/** The whole of what the script knows. */
async function replace(
  report: Report,
  program: Program,
  startAgain: () => ChildProcess,
  round: number,
): Promise<void> {
  const startMs = performance.now();
  const code = await end(program.child, SIGNAL);
  const goneMs = performance.now();
  if (SIGNAL === "SIGTERM" && code !== 0) report.check("it ends with exit code 0", false, String(code));
  program.child = startAgain();
  const lastReason = await untilReady(program.host);
  report.say(
    `${round + 1}: gone after ${seconds(goneMs - startMs)}, the next one ready ` +
      `${seconds(performance.now() - goneMs)} later${lastReason === "" ? "" : `; it waited: ${lastReason}`}`,
  );
}

/** Returns the last reason why it was not. */
async function untilReady(host: NetHost): Promise<string> {
  let reason = "";
  const isReady = async (): Promise<boolean> => {
    const answer = await fetch(`http://${host.address}:9464/readyz`, { signal: AbortSignal.timeout(2000) })
      .catch(() => null);
    if (answer === null) return false;
    const text = (await answer.text()).trim();
    if (answer.status !== 200) reason = text;
    return answer.status === 200;
  };
  if (await eventually(isReady, READY_WITHIN_MS, 100)) return reason;
  throw new Error(`${host.name} was not ready in ${seconds(READY_WITHIN_MS)}: ${reason}`);
}

async function judge(report: Report, ids: readonly string[], directory: string): Promise<void> {
  const alive = (): number => {
    const sinceNs = BigInt(Date.now() - 1000) * 1_000_000n;
    return new Set(readAttempts(directory).filter(({ lastNs }) => lastNs > sinceNs).map(({ task }) => task))
      .size;
  };
  report.check(`all ${ids.length} tasks still run`, alive() === ids.length, `${alive()}`);
  writeFileSync(join(directory, "finish"), "");
  const isOver = (): boolean => tally(ids, readAttempts(directory)).lost.length === 0;
  await eventually(isOver, 20_000, 200);
  const { lost, overlapped } = tally(ids, readAttempts(directory));
  report.check(`${lost.length} of ${ids.length} tasks were lost`, lost.length === 0, some(lost));
  report.check("no task was ever live twice at once", overlapped.length === 0, some(overlapped));
  judgeGaps(report, ids, readAttempts(directory), GAP_MS_MAX);
}
