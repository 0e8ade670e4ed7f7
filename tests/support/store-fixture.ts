/** A directory of a durable store, and a process that writes to it until it is killed. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { sqliteStore } from "../../src/store/sqlite-store.ts";
import type { Store } from "../../src/store/store.ts";
import type { StoreFixture } from "../conformance/store.ts";

export class DurableFixture implements StoreFixture {
  readonly directory: string = join(mkdtempSync(join(tmpdir(), "stolos-store-")), "state");

  next(): Store {
    return sqliteStore(this.directory);
  }

  readonly crash = (): Promise<number> => killedWriter(this.directory, "bun");

  [Symbol.asyncDispose](): Promise<void> {
    rmSync(join(this.directory, ".."), { recursive: true, force: true });
    return Promise.resolve();
  }
}

/** Kills the writer when it has acked some, at a random moment; returns the last ack that came out. */
export async function killedWriter(directory: string, runtime: Runtime): Promise<number> {
  const [command = "", ...args] = commandOn(runtime, "tests/support/store-child.ts", [directory]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const target = 20 + Math.floor(Math.random() * 200);
  let acked = 0;
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const number = /^acked (\d+)$/.exec(line)?.[1];
    if (number === undefined) continue;
    acked = Number(number);
    count += 1;
    if (count === target) setTimeout(() => child.kill("SIGKILL"), Math.random() * 3);
  }
  if (count < target) throw new Error(`the writer on ${runtime} must ack ${target} appends, got ${count}`);
  return acked;
}
