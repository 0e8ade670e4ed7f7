/**
 * A redis-server and a PostgreSQL server of this machine, started on a free port of the loopback and on a
 * temporary directory, ended with the test. What is not installed is named, so that tests can say why they
 * are skipped.
 */
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 30_000;
/** PostgreSQL refuses to run as root; this user is on every Linux. */
const NOBODY = 65_534;
const DEBIAN = "/usr/lib/postgresql";

export interface Server extends AsyncDisposable {
  readonly port: number;
}

/** Why there is no redis-server, or null. */
export const redisMissing: string | null = answers("redis-server") ? null : "no redis-server is installed";

const bin = postgresBin();
const isRoot = process.getuid?.() === 0;
/** Why there is no PostgreSQL server, or null. */
export const postgresMissing: string | null = bin === null
  ? "no PostgreSQL server is installed"
  : isRoot && !answers("setpriv")
  ? "PostgreSQL does not run as root, and there is no setpriv"
  : null;

export async function startRedis(): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), "stolos-redis-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""];
  const command = ["redis-server", ...args];
  return await started({ command, port, directory, endWith: "SIGTERM", says: /Ready to accept connections/ });
}

/** The user is postgres, with no password. */
export async function startPostgres(): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), "stolos-postgres-"));
  if (isRoot) chownSync(directory, NOBODY, NOBODY);
  const nobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const commandOf = (name: string, args: readonly string[]): readonly string[] => [
    ...(isRoot ? nobody : []),
    join(bin ?? "", name),
    "-D",
    join(directory, "data"),
    ...args,
  ];
  const init = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const [initdb = "", ...args] = commandOf("initdb", init);
  const { status, stderr } = spawnSync(initdb, args, { cwd: directory, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`Cannot make a PostgreSQL directory: initdb ended with ${status}, ${stderr}`);
  }
  const port = await freePort();
  const own = ["-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
  const command = commandOf("postgres", own);
  return await started({ command, port, directory, endWith: "SIGINT", says: /ready to accept connections/ });
}

interface Start {
  readonly command: readonly string[];
  readonly port: number;
  readonly directory: string;
  readonly endWith: NodeJS.Signals;
  /** What it says once it serves. */
  readonly says: RegExp;
}

async function started(start: Start): Promise<Server> {
  const { command: [file = "", ...args], port, directory, endWith, says } = start;
  const child = spawn(file, args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  const ended = Promise.withResolvers<void>();
  const serves = Promise.withResolvers<boolean>();
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
      if (says.test(said)) serves.resolve(true);
    });
  }
  child.once("exit", () => ended.resolve());
  child.once("error", (error) => (said += error.message, ended.resolve()));
  ended.promise.then(() => serves.resolve(false));
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const server: Server = {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill(endWith);
      const timer = setTimeout(kill, END_LIMIT_MS);
      await ended.promise;
      clearTimeout(timer);
      process.removeListener("exit", kill);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const limit = setTimeout(() => serves.resolve(false), START_LIMIT_MS);
  const isUp = await serves.promise;
  clearTimeout(limit);
  if (isUp) return server;
  await server[Symbol.asyncDispose]();
  throw new Error(
    `Cannot start ${file}: not up within ${START_LIMIT_MS} ms, it said ${JSON.stringify(said)}`,
  );
}

function answers(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Where initdb and postgres are: on the PATH they seldom are. */
function postgresBin(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const reported = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" }).stdout?.trim() ?? "";
  const candidates = [reported, ...versions.map((version) => join(DEBIAN, version, "bin"))];
  return candidates.find((each) => each !== "" && existsSync(join(each, "initdb"))) ?? null;
}
