/**
 * A cluster of three peers with a secret and a list, and strangers that come to it through a wire-tap: what
 * they are sent, and what the members say of them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { type CommandResult, stolos } from "./cluster.ts";
import { eventually } from "./drill.ts";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";

/** More than a handshake may take. */
const REPORTED_WITHIN_MS = 60_000;

/** What was sent on the connections that came through it. */
export class WireTap implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sent: Buffer[] = [];
  readonly #heard: Buffer[] = [];
  connectionCount = 0;

  /** Use `before`. */
  constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  /** Listens on loopback for a stranger and passes on, both ways, to the member's address. */
  static async before(member: string): Promise<WireTap> {
    const [, host = "", port = ""] = /\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(member) ?? [];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const own = (server.address() as { readonly port: number }).port;
    const tap = new WireTap(server, member.replace(`/ip4/${host}/tcp/${port}`, `/ip4/127.0.0.1/tcp/${own}`));
    server.on("connection", (stranger) => {
      const isFirst = tap.connectionCount++ === 0;
      const toMember = createConnection({ port: Number(port), host });
      stranger.on("data", (bytes: Buffer) => isFirst && tap.#heard.push(bytes));
      toMember.on("data", (bytes: Buffer) => tap.#sent.push(bytes));
      stranger.pipe(toMember).pipe(stranger);
      for (const socket of [stranger, toMember]) socket.on("error", () => stranger.destroy());
    });
    return tap;
  }

  /** All that the member sent. */
  get bytes(): Buffer {
    return Buffer.concat(this.#sent);
  }

  /** What the member was sent on the first connection, as it came. */
  get heard(): readonly Buffer[] {
    return this.#heard;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    return Promise.resolve();
  }
}

export class GuardedCluster implements AsyncDisposable {
  readonly namespace: string = `guarded-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  readonly peers: PeerProcess[] = [];
  readonly #directory: string;
  #allowed: readonly string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    writeFileSync(this.secretFile, "the secret of the guarded cluster, long enough\n");
    writeFileSync(this.otherFile, "a secret of somebody else that is long enough\n");
  }

  get secretFile(): string {
    return join(this.#directory, "secret");
  }

  get otherFile(): string {
    return join(this.#directory, "other-secret");
  }

  get identityFile(): string {
    return join(this.#directory, "identity");
  }

  /** One peer a runtime; each listens, beyond what a secret would be needed for, on all addresses. */
  async start(runtimes: readonly Runtime[]): Promise<void> {
    const dataOf = (at: number): readonly string[] => ["--data", join(this.#directory, `data-${at}`)];
    const keys = [...runtimes.map((_, at) => dataOf(at)), ["--identity", this.identityFile]];
    const ids = await Promise.all(keys.map((key) => stolos("node", ["id", ...key])));
    this.#allowed = ids.map(({ stdout }) => stdout.trim());
    for (const [at, runtime] of runtimes.entries()) {
      const joins = (await this.addresses()).flatMap((address) => ["--join", address]);
      const own = ["--name", `${runtime}-${at}`, "--expect", String(runtimes.length), ...dataOf(at)];
      this.peers.push(this.#peer(runtime, [...own, ...joins], at));
    }
    await Promise.all(this.peers.map((peer) => peer.ready()));
  }

  /** The first has the secret from its environment. */
  #peer(runtime: Runtime, args: readonly string[], at: number): PeerProcess {
    const list = this.#allowed.flatMap((id) => ["--allow", id]);
    const net = ["--namespace", this.namespace, "--no-mdns", "--listen", "/ip4/0.0.0.0/tcp/0"];
    const secret = at === 0 ? [] : ["--secret-file", this.secretFile];
    const env = at === 0 ? { STOLOS_SECRET: readFileSync(this.secretFile, "utf8").trim() } : {};
    return new PeerProcess({ runtime, args: [...net, ...list, ...secret, ...args], env });
  }

  /** Those on loopback. */
  async addresses(): Promise<readonly string[]> {
    const all = await Promise.all(this.peers.map((peer) => peer.addresses()));
    return all.flat().filter((address) => address.includes("/127.0.0.1/"));
  }

  /** The options with which a client shows that it is a friend. */
  get friend(): readonly string[] {
    return ["--secret-file", this.secretFile, "--identity", this.identityFile];
  }

  /** `stolos nodes` of a stranger, or of a friend. */
  nodes(address: string, more: readonly string[]): Promise<CommandResult> {
    const target = ["--namespace", this.namespace, "--join", address, "--timeout", "3s"];
    return stolos("node", ["nodes", "--json", ...target, ...more]);
  }

  /** What members said of those they refused. */
  get refusals(): readonly string[] {
    return this.peers.flatMap(({ events }) =>
      events.filter(({ event }) => event === "peer:rejected").map(({ reason = "" }) => reason)
    );
  }

  /** Members report each kind, some of them after the stranger has given up. */
  haveReportedAll(): Promise<boolean> {
    const kinds = [
      "speaks without a secret",
      "sent what the secret does not open",
      "is not on the list of allowed peers",
    ];
    const isReported = (kind: string): boolean => this.refusals.some((reason) => reason.includes(kind));
    return eventually(() => kinds.every(isReported), REPORTED_WITHIN_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.stop(3000)));
  }
}
