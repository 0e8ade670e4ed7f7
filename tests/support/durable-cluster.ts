/**
 * Peers with `--data` that are killed and come back: on fixed ports, so that all can start at the same moment
 * in every life. What a life printed is kept.
 */
import { join } from "node:path";
import { PeerProcess } from "../../examples/demo/peer-process.ts";
import type { PeerEvent, Runtime } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient } from "../../mod.ts";
import { eventually } from "./drill.ts";
import { freePort } from "./free-port.ts";

/** The default. */
const PARTITION_COUNT = 128;

export interface DurableClusterOptions {
  readonly namespace: string;
  readonly names: readonly string[];
  /** The data directories are in it, one a name. */
  readonly directory: string;
  /** Other places for some of them. */
  readonly dataByName?: Readonly<Record<string, string>>;
  /** @default node for each */
  readonly runtimeByName?: Readonly<Record<string, Runtime>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly onEvent?: (name: string, event: PeerEvent) => void;
}

export interface StartTimes {
  /** The program is loaded, the store read. */
  readonly listeningMs: number;
  readonly readyMs: number;
}

export class DurableCluster implements AsyncDisposable {
  readonly peerByName: Map<string, PeerProcess> = new Map();
  readonly #options: DurableClusterOptions;
  readonly #portByName: ReadonlyMap<string, number>;

  constructor(options: DurableClusterOptions, ports: readonly number[]) {
    this.#options = options;
    this.#portByName = new Map(options.names.map((name, at) => [name, ports[at] ?? 0]));
  }

  /** Nothing runs yet. */
  static async create(options: DurableClusterOptions): Promise<DurableCluster> {
    return new DurableCluster(options, await Promise.all(options.names.map(() => freePort())));
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  get names(): readonly string[] {
    return this.#options.names;
  }

  dataOf(name: string): string {
    return this.#options.dataByName?.[name] ?? join(this.#options.directory, name);
  }

  addressOf(name: string): string {
    return `/ip4/127.0.0.1/tcp/${this.#portByName.get(name)}`;
  }

  peer(name: string): PeerProcess {
    const peer = this.peerByName.get(name);
    if (peer === undefined) throw new Error(`Cannot find a peer: none is named ${name}`);
    return peer;
  }

  /** @default all of them */
  start(names: readonly string[] = this.names): void {
    const { namespace, runtimeByName = {}, args = [], env = {}, onEvent } = this.#options;
    for (const name of names) {
      const others = this.names.filter((each) => each !== name);
      const own = ["--namespace", namespace, "--name", name, "--no-mdns", "--data", this.dataOf(name)];
      const net = ["--listen", this.addressOf(name), ...others.flatMap((o) => ["--join", this.addressOf(o)])];
      const peer = new PeerProcess({
        runtime: runtimeByName[name] ?? "node",
        args: [...own, ...net, "--expect", String(this.names.length), ...args],
        env,
        onEvent: (event) => onEvent?.(name, event),
      });
      this.peerByName.set(name, peer);
    }
  }

  /** How long each took from now until ready. */
  async ready(names: readonly string[] = this.names, withinMs = 60_000): Promise<StartTimes[]> {
    const startMs = performance.now();
    return await Promise.all(names.map(async (name) => {
      await this.peer(name).event(({ event }) => event === "listening", withinMs);
      const listeningMs = performance.now() - startMs;
      await this.peer(name).ready(withinMs);
      return { listeningMs, readyMs: performance.now() - startMs };
    }));
  }

  /** Returns once all have ended. */
  async kill(names: readonly string[] = this.names): Promise<void> {
    for (const name of names) this.peer(name).signal("SIGKILL");
    await Promise.all(names.map((name) => this.peer(name).stop()));
  }

  /** A client that knows the addresses of these, those that run. @default all */
  async client(
    names: readonly string[] = this.names,
    timeoutMs?: number,
  ): Promise<Client & AsyncDisposable> {
    const running = names.filter((name) => this.peerByName.get(name)?.isRunning);
    const { namespace } = this.#options;
    const join = running.map((name) => this.addressOf(name));
    const times = timeoutMs === undefined ? {} : { timeoutMs };
    return await connectClient({ namespace, join, mdns: false, ...times });
  }

  /**
   * Waits until there are as many members as names, all up, and each keeps every partition: for as many names
   * as a partition has keepers. Who was lost is a member until all that it kept is kept by others.
   */
  async whole(client: Client, withinMs: number): Promise<{ isWhole: boolean; nodes: string }> {
    let last = "";
    const isWhole = await eventually(
      async () => {
        const nodes = await client.nodes().catch(() => []);
        last = nodes.map(({ name, state, keeps }) => `${name} ${state} keeps ${keeps}`).join(", ");
        return nodes.length === this.names.length &&
          nodes.every(({ state, keeps }) => state === "up" && keeps === PARTITION_COUNT);
      },
      withinMs,
      200,
    );
    return { isWhole, nodes: last };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.peerByName.values()].map((peer) => peer.stop(3000)));
  }
}
