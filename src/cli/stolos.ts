#!/usr/bin/env node
/** What `stolos` starts: refuses a runtime that is too old, else loads main.ts, which that may not parse. */
import { runtimeRefusal } from "../base/runtime.ts";

const refusal = runtimeRefusal(process.versions);
if (refusal === null) {
  await import("./main.ts");
} else {
  console.error(refusal);
  process.exitCode = 1;
}
