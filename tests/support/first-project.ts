/**
 * A project that `stolos init` has written, as its owner uses it: a command in it, three of its peers on
 * loopback, a task, and the peer that runs it killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Runtime } from "../../examples/demo/peer-process.ts";

const BIN = join(import.meta.dirname, "../../node_modules/.bin");
const PATIENCE_MS = 120_000;
const PEER_COUNT = 3;
/** Two a second: long enough to be killed in the middle. */
const COUNT_TO = 24;
/** Of the first attempt, before its peer is killed. */
const COUNTED_MIN = 3;

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Node, Bun and Deno are those of this checkout, for what the project's scripts start as well. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", PATH: `${BIN}:${process.env["PATH"] ?? ""}` };
}

/** A program of the project on its runtime. */
function programOn(runtime: Runtime, file: string, args: readonly string[] = []): string[] {
  return [runtime, ...(runtime === "deno" ? ["run", "-A"] : []), file, ...args];
}

/** A process whose output is waited for. */
class Watched {
  readonly child: ChildProcess;
  output = "";
  readonly #ended: Promise<unknown>;

  constructor([command = "", ...args]: readonly string[], directory: string, own: Environment = {}) {
    this.child = spawn(command, args, {
      cwd: directory,
      env: { ...environment(), ...own },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: PATIENCE_MS,
      killSignal: "SIGKILL",
    });
    this.#ended = once(this.child, "close");
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => this.output += text);
    }
  }

  /** Rejects when it ends before. */
  async says(what: RegExp): Promise<void> {
    while (!what.test(this.output)) {
      const more = once(this.child.stdout!, "data").then(() => true);
      const isAlive = await Promise.race([more, this.#ended.then(() => false)]);
      if (!isAlive && !what.test(this.output)) throw new Error(`It never said ${what}: ${this.output}`);
    }
  }

  async end(signal?: NodeJS.Signals): Promise<Ran> {
    if (signal !== undefined) this.child.kill(signal);
    await this.#ended;
    return { code: this.child.exitCode, output: this.output };
  }
}

/** Runs a command line in the project and waits for its end. */
export async function runIn(directory: string, command: readonly string[]): Promise<Ran> {
  return await new Watched(command, directory).end();
}

export interface Outlived {
  /** What `submit.ts` printed. */
  readonly output: string;
  /** How far the first attempt had come, as far as its peer said. */
  readonly counted: number;
  /** Which attempt completed it, and where that one began. */
  readonly attempt: number;
  readonly from: number;
}

/**
 * Three peers, a task, and a kill of the peer that runs it. What lives at the end is ended.
 *
 * @param environments of each peer its own; the first one's is the client's, too
 */
export async function outlivesAPeer(
  directory: string,
  runtime: Runtime,
  environments: readonly Environment[] = [],
  onReady: () => Promise<void> = () => Promise.resolve(),
): Promise<Outlived> {
  const peers = Array.from(
    { length: PEER_COUNT },
    (_, at) => new Watched(programOn(runtime, "peer.ts"), directory, environments[at]),
  );
  try {
    await Promise.all(peers.map((peer) => peer.says(/"event":"ready"/)));
    await onReady();
    const asked = programOn(runtime, "submit.ts", [String(COUNT_TO), "outlives"]);
    const submit = new Watched(asked, directory, environments[0]);
    peers.push(submit);
    const said = new RegExp(`^outlives: ${COUNTED_MIN}$`, "m");
    const owner = await Promise.any(
      peers.slice(0, PEER_COUNT).map(async (peer) => {
        await peer.says(said);
        return peer;
      }),
    );
    const { output: heard } = await owner.end("SIGKILL");
    await submit.says(/completed|failed|killed|Error/);
    const { output } = submit;
    const counted = Number(heard.match(/^outlives: (\d+)$/gm)?.at(-1)?.split(" ").at(-1));
    const [, attempt, from] = (/attempt (\d+) counted from (\d+)/.exec(output) ?? []).map(Number);
    return { output, counted, attempt: attempt ?? NaN, from: from ?? NaN };
  } finally {
    await Promise.all(peers.map((peer) => peer.end("SIGKILL")));
  }
}
