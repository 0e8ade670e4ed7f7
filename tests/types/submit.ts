/** What must compile and what must not, of tasks and their submits: checked by tsc, never run. */
import { z } from "zod";
import { type Client, defineTask, type Node, type TaskHandle } from "../../mod.ts";

declare const client: Client;
declare const node: Node;

/** Compiles only when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_: Same<A, B>): void {}

// ---- a schema that transforms: its input is submitted, its output is handled ------------------------------
const schema = z.object({ n: z.string().transform(Number), d: z.number().default(1) });
const parsed = defineTask({ name: "parsed", input: schema });
await client.submit(parsed, { n: "7" });
await client.submit(parsed, { n: "7", d: 2 }, { id: "x", delayMs: 1 });
// @ts-expect-error n is submitted as a text
await client.submit(parsed, { n: 7 });
// @ts-expect-error n is missing
await client.submit(parsed, { d: 7 });
// @ts-expect-error there is no such key
await client.submit(parsed, { n: "7", typo: 1 });
node.handle(parsed, (task) => {
  same<typeof task.input, { n: number; d: number }>(true);
  return "any";
});

// ---- the result: said, or by a schema ---------------------------------------------------------------------
const said = defineTask<{ ms: number }, string>({ name: "said" });
const saidHandle = await client.submit(said, { ms: 1 });
same<typeof saidHandle, TaskHandle<string>>(true);
node.handle(said, (task) => `${task.input.ms}`);
// @ts-expect-error its result is a text
node.handle(said, () => 7);

const both = defineTask({
  name: "both",
  input: z.object({ a: z.string() }),
  output: z.object({ b: z.number() }),
});
const bothHandle = await client.submit(both, { a: "" });
same<typeof bothHandle, TaskHandle<{ b: number }>>(true);
node.handle(both, () => Promise.resolve({ b: 1 }));
// @ts-expect-error its result has a b
node.handle(both, () => Promise.resolve({ c: 1 }));

const typed = defineTask<{ a: string }, number>({ name: "typed", input: z.object({ a: z.string() }) });
same<Awaited<ReturnType<typeof client.submit<{ a: string }, number, unknown>>>, TaskHandle<number>>(true);
await client.submit(typed, { a: "" });

// ---- no input ---------------------------------------------------------------------------------------------
const bare = defineTask<void, number>({ name: "bare" });
const bareHandle = await client.submit(bare);
same<typeof bareHandle, TaskHandle<number>>(true);
await client.submit(bare, undefined, { id: "bare-1" });
// @ts-expect-error it has an input
await client.submit(said);

// ---- what cannot be stored --------------------------------------------------------------------------------
class Account {
  balance = 0;
  pay(): void {}
}
const any = defineTask({ name: "any" });
await client.submit(any, {
  at: new Date(),
  bytes: new Uint8Array(),
  big: 1n,
  none: undefined,
  list: [1, "a", null],
});
await client.submit(any, "text");
await client.submit(any, undefined);
// @ts-expect-error a Map
await client.submit(any, new Map());
// @ts-expect-error a Set inside
await client.submit(any, { tags: new Set(["a"]) });
// @ts-expect-error a function
await client.submit(any, () => 1);
// @ts-expect-error an object with methods
await client.submit(any, new Account());
// @ts-expect-error a promise
await client.submit(any, Promise.resolve(1));
const mapped = defineTask<Map<string, number>>({ name: "mapped" });
// @ts-expect-error a Map, though the definition says so
await client.submit(mapped, new Map());
interface Named {
  readonly name: string;
  readonly nested?: { readonly list: readonly Named[] };
}
const named = defineTask<Named>({ name: "named" });
await client.submit(named, { name: "a", nested: { list: [{ name: "b" }] } });
declare const input: Named;
await client.submit(named, input);
declare const loose: unknown;
await client.submit(any, loose);
const state = defineTask<{ state: "on" | "off" }>({ name: "state" });
await client.submit(state, { state: "on" });
// @ts-expect-error not one of them
await client.submit(state, { state: "broken" });

// ---- when -------------------------------------------------------------------------------------------------
await client.submit(said, { ms: 1 }, { runAt: new Date(), attempts: 3 });
// @ts-expect-error a delay or a time, not both
await client.submit(said, { ms: 1 }, { runAt: new Date(), delayMs: 5 });
const options = { delayMs: 5 };
await client.submit(said, { ms: 1 }, options);

// ---- many -------------------------------------------------------------------------------------------------
const many = await client.submitMany(parsed, [{ input: { n: "1" }, id: "a" }, { input: { n: "2", d: 1 } }]);
same<typeof many, TaskHandle<unknown>[]>(true);
// @ts-expect-error n is submitted as a text
await client.submitMany(parsed, [{ input: { n: 1 } }]);
await client.submitMany(any, [{ input: { a: 1 } }, { input: { a: 2 } }]);
