/**
 * A node alone on a directory, as a process: arguments are the directory, how long finished tasks are known
 * (ms), and the address to listen on; with `work` as the fourth it has the handler. Prints events.
 */
import { createNode, defineTask, sqliteStore, type TaskDefinition } from "../../mod.ts";

export interface SizeInput {
  readonly number: number;
  readonly text: string;
}

export const sized: TaskDefinition<SizeInput, number> = defineTask<SizeInput, number>({ name: "sized" });

if (import.meta.main) {
  const [directory = "", retentionMs = "", address = "", work = ""] = process.argv.slice(2);
  const say = (event: string): void => console.log(`${event} ${Math.round(process.uptime() * 1000)}`);
  say("loaded");
  const node = await createNode({
    namespace: `size-${address.split("/").at(-1)}`,
    mdns: false,
    listen: [address],
    store: sqliteStore(directory),
  });
  if (work === "work") node.handle(sized, (task) => task.input.number * 2);
  say("listening");
  await node.ready();
  const ms = Number(retentionMs);
  await node.client.setRetention({ completedMs: ms, failedMs: ms });
  say("ready");
}
