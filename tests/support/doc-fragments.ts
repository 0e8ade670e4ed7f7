/**
 * What fragments in the pages take for granted: type-checked together with them, never run. A fragment that
 * needs a name which is not here imports it, and is a program then.
 */
import type { Client, Context as C, Node, Task as T, TaskDefinition } from "../../mod.ts";
import type { writeFenced as write } from "../../examples/fence/redis.ts";
import type { defineTask as define, statefulHandler as stateful } from "../../mod.ts";
import type { z as zod } from "zod";

declare global {
  const node: Node;
  const client: Client & AsyncDisposable;
  const stream: TaskDefinition<unknown, unknown>;
  const factoring: TaskDefinition<bigint, bigint>;
  const consume: TaskDefinition<{ topic: string }, unknown>;
  const train: TaskDefinition<unknown, unknown>;
  const input: unknown;
  const position: number;
  const statefulHandler: typeof stateful;
  const defineTask: typeof define;
  const z: typeof zod;
  const report: TaskDefinition<unknown, unknown>;
  const writeFenced: typeof write;
  const redis: Parameters<typeof write>[0];
  function compute(input: unknown, signal: AbortSignal): Promise<string>;
  function messages(topic: string, signal: AbortSignal): AsyncIterable<unknown>;
  function take(message: unknown): Promise<void>;
  type Task<I> = T<I>;
  type Context = C;
}
