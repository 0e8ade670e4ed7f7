/** The machine's redis-server: is it there, on which port, and does it take connections yet. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { connect, createServer } from "node:net";

const START_LIMIT_MS = 5000;

/** The version of the redis-server on the PATH, or null when there is none. */
export function redisVersion(): string | null {
  const { stdout, status } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return status === 0 ? /v=(\S+)/.exec(stdout)?.[1] ?? "unknown" : null;
}

export function serverArguments(port: number, directory: string | null): readonly string[] {
  const net = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  if (directory === null) return [...net, "--appendonly", "no"];
  return [...net, "--dir", directory, "--appendonly", "yes", "--appendfsync", "always"];
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Resolves as soon as it takes connections. */
export async function started(redis: ChildProcess, port: number): Promise<void> {
  let why: string | null = null;
  redis.once("error", (error) => why = error.message);
  redis.once("exit", (code, signal) => why = `it ended with ${signal ?? code}`);
  const untilMs = performance.now() + START_LIMIT_MS;
  while (!await takesConnections(port)) {
    if (why !== null) throw new Error(`Cannot start redis-server: ${why}`);
    if (performance.now() > untilMs) {
      throw new Error(`Cannot start redis-server: not up in ${START_LIMIT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}
