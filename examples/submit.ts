/**
 * Hands a command line to a cluster of examples/peer.ts and waits for its end: Metafora's koalemosctl.
 *
 *   node examples/submit.ts -- sleep 30                          finds a peer on this network
 *   node examples/submit.ts --join /ip4/10.0.0.5/tcp/4100 --id nightly --retry 2 -- ./backup.sh all
 *
 * It may be killed and run again with the same --id: the task runs once all the same.
 */
import { parseArgs } from "node:util";
import { connectClient } from "../mod.ts";
import { exec } from "../src/cli/exec/exec.ts";

const { values, positionals: argv } = parseArgs({
  allowPositionals: true,
  options: {
    id: { type: "string" },
    join: { type: "string", multiple: true, default: [] },
    retry: { type: "string", default: "0" },
  },
});
if (argv.length === 0) {
  throw new Error("Usage: submit.ts [--join ADDR]… [--id ID] [--retry N] -- CMD [ARG]…");
}

// A client is no member: it votes on nothing and its going changes nothing.
await using client = await connectClient({
  namespace: "koalemos",
  secret: process.env.STOLOS_SECRET,
  join: values.join,
  mdns: values.join.length === 0,
});

// Resolves once a quorum has the task: from then on it is not lost.
const handle = await client.submit(exec, { argv }, {
  attempts: Number(values.retry) + 1,
  ...(values.id === undefined ? {} : { id: values.id }),
});
console.log(handle.created ? `submitted ${handle.id}` : `${handle.id} was submitted before`);

const info = await client.get(handle.id);
if (info?.state === "leased") console.log(`running on ${info.ownerName}, fence ${info.fence}`);
else console.log(`${info?.state} ${info?.why ?? ""}`);

const outcome = await handle.done();
console.log(outcome.state === "completed" ? "completed" : `${outcome.state}: ${outcome.error}`);
process.exitCode = outcome.state === "completed" ? 0 : 4;
