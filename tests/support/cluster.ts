/** Clusters of `stolos peer` processes, and `stolos` client commands, for end-to-end tests and shows. */
import { spawn } from "node:child_process";
import { commandOn, PeerProcess } from "../../examples/demo/peer-process.ts";
import type { PeerEvent, Runtime } from "../../examples/demo/peer-process.ts";

export interface ClusterOptions {
  readonly namespace: string;
  /** One peer each; its name is the runtime's with its number. */
  readonly runtimes: readonly Runtime[];
  readonly args?: readonly string[];
  /** Each peer keeps its state below it, in a directory of its own. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command line of each peer. */
  readonly prefix?: readonly string[];
  readonly onEvent?: (peer: number, event: PeerEvent) => void;
}

/** What one peer has for itself. */
export interface PeerExtra {
  readonly name?: string;
  readonly args?: readonly string[];
}

/** Peers on loopback, joined by address; ready. */
export class Cluster implements AsyncDisposable {
  readonly namespace: string;
  readonly peers: PeerProcess[] = [];
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.namespace = options.namespace;
    this.#options = options;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      for (const runtime of options.runtimes) await cluster.add(runtime);
      await Promise.all(cluster.peers.map((peer) => peer.ready()));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** One more, which joins those that run; the first one finds nobody to join. */
  async add(runtime: Runtime, extra: PeerExtra = {}): Promise<PeerProcess> {
    const { namespace, runtimes, args = [], directory, env = {}, prefix = [], onEvent } = this.#options;
    const join = (await this.addresses()).flatMap((address) => ["--join", address]);
    const index = this.peers.length;
    const name = extra.name ?? `${runtime}-${index}`;
    const data = directory === undefined ? [] : ["--data", `${directory}/${name}`];
    const own = ["--namespace", namespace, "--no-mdns", "--name", name, ...join, ...data];
    const peer = new PeerProcess({
      runtime,
      args: [...own, "--expect", String(runtimes.length), ...args, ...extra.args ?? []],
      env,
      prefix,
      onEvent: (event) => onEvent?.(index, event),
    });
    this.peers.push(peer);
    return peer;
  }

  get running(): PeerProcess[] {
    return this.peers.filter((peer) => peer.isRunning);
  }

  /** Options that let a client command reach any of the peers. */
  async clientArgs(): Promise<string[]> {
    return [
      ...["--namespace", this.namespace],
      ...(await this.addresses()).flatMap((address) => ["--join", address]),
    ];
  }

  /** What connectClient is to be given. */
  async reach(): Promise<{ namespace: string; join: string[]; mdns: boolean }> {
    return { namespace: this.namespace, join: await this.addresses(), mdns: false };
  }

  async addresses(): Promise<string[]> {
    return (await Promise.all(this.running.map((peer) => peer.addresses()))).flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer[Symbol.asyncDispose]()));
  }
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout, parsed; only for commands with --json. */
  json(): Record<string, unknown>[];
}

/** Runs `stolos ARGS` on a runtime and waits for its end. */
export async function stolos(
  runtime: Runtime,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<CommandResult> {
  const [command = "", ...rest] = [...prefix, ...commandOn(runtime, "src/cli/main.ts", args)];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const json = (): Record<string, unknown>[] =>
    stdout.split("\n").filter((line) => line !== "").map((line) =>
      JSON.parse(line) as Record<string, unknown>
    );
  return { code, stdout, stderr, json };
}
