/**
 * A second peer, for latency: NATS JetStream with a work queue in memory, three worker processes and one that
 * publishes. Uses the machine's nats-server, where there is one, on a free port of the loopback.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, ended, endWithParent } from "./child.ts";
import type { NatsOptions } from "./nats-child.ts";
import { freePort } from "../tests/support/free-port.ts";
import { started } from "./server.ts";

const WORKER_COUNT = 3;

/** The version of the nats-server on the PATH, or null when there is none. */
export function natsVersion(): string | null {
  const { stdout, status } = spawnSync("nats-server", ["--version"], { encoding: "utf8" });
  return status === 0 ? / v(\d\S*)/.exec(stdout)?.[1] ?? "unknown" : null;
}

export class NatsQueue {
  readonly #server: ChildProcess;
  readonly #directory: string;
  readonly #children: Child[] = [];

  /** Use `start`. */
  constructor(server: ChildProcess, directory: string) {
    this.#server = server;
    this.#directory = directory;
  }

  /** @throws Error when one ends, or is not ready in time; then every process is ended */
  static async start(): Promise<NatsQueue> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), "stolos-bench-nats-"));
    const args = ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", directory];
    const server = spawn("nats-server", args, { stdio: "ignore" });
    endWithParent(server);
    const queue = new NatsQueue(server, directory);
    try {
      await started(server, "nats-server", port);
      await queue.#begin(port);
      return queue;
    } catch (error) {
      await queue.stop();
      throw error;
    }
  }

  async #begin(port: number): Promise<void> {
    await this.#open({ role: "producer", port }).next("ready");
    for (let at = 0; at < WORKER_COUNT; at++) await this.#open({ role: "worker", port }).next("ready");
  }

  #open(options: NatsOptions): Child {
    const child = new Child("nats-child.ts", options);
    this.#children.push(child);
    return child;
  }

  /** The one that publishes. */
  get producer(): Child {
    return this.#children[0]!;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await ended(this.#server, () => this.#server.kill("SIGKILL"));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
