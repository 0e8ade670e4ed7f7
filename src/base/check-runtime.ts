/** Refuses a runtime that is too old, when it is imported: mod.ts does so before everything else. */
import { runtimeRefusal } from "./runtime.ts";

const refusal = runtimeRefusal(process.versions);
if (refusal !== null) {
  const error = new Error(refusal);
  // where it was thrown helps nobody
  error.stack = `Error: ${refusal}`;
  throw error;
}
