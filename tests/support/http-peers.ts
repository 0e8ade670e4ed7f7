/** What peers answer over HTTP, and what promtool says of it. */
import { spawn } from "node:child_process";
import type { PeerProcess } from "../../examples/demo/peer-process.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function ask(peer: PeerProcess, path: string): Promise<Answer> {
  const { http } = await peer.event(({ event }) => event === "listening");
  const answered = await fetch(`${http}${path}`, { signal: AbortSignal.timeout(30_000) });
  return { status: answered.status, body: await answered.text() };
}

/**
 * What `promtool check metrics` has to say: nothing and 0 when all is well; null when there is no promtool.
 */
export async function promtool(text: string): Promise<{ code: number; complaints: string } | null> {
  const child = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  let complaints = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => complaints += part);
  }
  return await new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve({ code: code ?? 1, complaints: complaints.trim() }));
    // one that is not there cannot be written to
    child.stdin.on("error", () => {});
    child.stdin.end(text);
  });
}

/** The value of a metric without labels; NaN when it is not there. */
export function valueOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? NaN);
}
