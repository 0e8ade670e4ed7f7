/** The machine's redis-server: is it there, and how it is started. */
import { spawnSync } from "node:child_process";

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
