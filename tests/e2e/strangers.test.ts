/** Two programs that know nothing of each other run on one network (network namespaces). */
import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";
import { type NetHost, TestNetwork } from "../support/netns.ts";

const why = whyNoNetworks();
/** mDNS asks every 5 s: two rounds of it. */
const LOOK_COUNT = 11;

interface Program {
  readonly child: ChildProcess;
  /** How many members its cluster had, second by second. */
  readonly counts: number[];
}

function programOn(host: NetHost, runtime: Runtime, options: object): Program {
  const line = commandOn(runtime, "tests/support/strange-program.ts", [JSON.stringify(options)]);
  const [command = "", ...args] = [...host.prefix, ...line];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const counts: number[] = [];
  createInterface({ input: child.stdout! }).on("line", (text) => counts.push(Number(text)));
  return { child, counts };
}

async function withPrograms(options: object, look: (programs: readonly Program[]) => Promise<void>) {
  using network = new TestNetwork(2);
  const programs = network.hosts.map((host, at) => programOn(host, (["bun", "node"] as const)[at]!, options));
  try {
    await look(programs);
  } finally {
    const gone = programs.map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
    for (const { child } of programs) child.kill("SIGKILL");
    await Promise.all(gone);
  }
}

test.skipIf(why !== "")("two programs that name no namespace never join each other", async () => {
  await withPrograms({}, async (programs) => {
    const haveLooked = (): boolean => programs.every(({ counts }) => counts.length >= LOOK_COUNT);
    expect(await eventually(haveLooked, PATIENCE_MS, 200)).toBe(true);
    for (const { counts } of programs) expect(new Set(counts)).toEqual(new Set([1]));
  });
});

test.skipIf(why !== "")(
  "with a namespace in common they do: the network carries what finds them",
  async () => {
    await withPrograms({ namespace: `strangers-${process.pid}` }, async (programs) => {
      const areTogether = (): boolean => programs.every(({ counts }) => counts.at(-1) === 2);
      expect(await eventually(areTogether, PATIENCE_MS, 200)).toBe(true);
    });
  },
);

if (why !== "") test.skip(`programs on one network were not tried: ${why}`, () => {});
