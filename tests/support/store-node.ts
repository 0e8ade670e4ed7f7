/** Runs a node on the directory that it is given, tries to run another one on it, and says what happened. */
import { createNode, type NodeOptions, sqliteStore, StoreError } from "../../mod.ts";

const directory = process.argv[2] ?? "";
const options: NodeOptions = { mdns: false, partitions: 4, expect: 3 };
const node = await createNode({ ...options, store: sqliteStore(directory) });
const refused = await createNode({ ...options, store: sqliteStore(directory) }).then(
  () => "",
  (error: unknown) => error instanceof StoreError ? `${error.code} ${error.message}` : String(error),
);
// what a program in JavaScript may do
const wrong = await createNode({ store: 1 as unknown as ReturnType<typeof sqliteStore> }).then(
  () => "",
  (error: unknown) => error instanceof TypeError ? error.message : String(error),
);
await node.stop({ now: true });
console.log(JSON.stringify({ id: node.id, refused, wrong }));
process.exit(0);
