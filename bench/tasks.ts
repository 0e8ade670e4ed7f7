/** The tasks of our side, as its nodes and its producer know them. */
import { defineTask, type TaskDefinition } from "../mod.ts";

export const noop: TaskDefinition<string, null> = defineTask({ name: "noop" });
/** Its result is when it ran. */
export const stamp: TaskDefinition<string, number> = defineTask({ name: "stamp" });
/** Runs until its signal aborts. */
export const held: TaskDefinition<null, null> = defineTask({ name: "hold" });
