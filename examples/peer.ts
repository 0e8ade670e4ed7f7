/**
 * A daemon that runs command lines for a cluster: Metafora's koalemosd, with no broker beside it.
 *
 *   node examples/peer.ts                                  three times on one machine
 *   export STOLOS_SECRET=…                                 32 characters or more; then, with the same on all,
 *   node examples/peer.ts                                  on three machines of one network
 *   node examples/peer.ts --join /ip4/10.0.0.5/tcp/4100    across networks: the address of any other peer
 *
 * Whoever knows the secret can run commands on all peers.
 */
import { parseArgs } from "node:util";
import { createNode } from "../mod.ts";
import { handleExec } from "../src/cli/exec/exec.ts";

const secret = process.env.STOLOS_SECRET;
// the commands that it runs inherit the environment, and are not to know it
delete process.env.STOLOS_SECRET;
const everywhere = secret === undefined ? "/ip4/127.0.0.1/tcp/0" : "/ip4/0.0.0.0/tcp/0";

const { values } = parseArgs({
  options: {
    name: { type: "string" },
    listen: { type: "string", multiple: true, default: [everywhere] },
    join: { type: "string", multiple: true, default: [] },
    // A cluster is founded once, by exactly so many peers that found each other: they are the first voters.
    // Three is the smallest number that survives the loss of one.
    expect: { type: "string", default: "3" },
    data: { type: "string" },
  },
});

const node = await createNode({
  namespace: "koalemos",
  ...(values.name === undefined ? {} : { name: values.name }),
  secret,
  listen: values.listen,
  join: values.join,
  expect: Number(values.expect),
});
const exec = handleExec(node, { directory: values.data });

console.log(`${node.name} listens on\n  ${node.addresses.join("\n  ")}`);
console.log(`waiting for ${values.expect} peers to found a cluster, or for one to join`);

const log = (event: Event): void => {
  const { task, fence, attempt, reason } = (event as CustomEvent).detail;
  console.log(event.type, task, `fence ${fence} attempt ${attempt}`, reason ?? "");
};
node.addEventListener("ready", () => console.log(`ready, ${node.nodes().length} members`));
node.addEventListener("quorum:lost", () => console.log("quorum lost: nothing runs here until it is back"));
node.addEventListener("quorum:regained", () => console.log("quorum regained"));
for (const type of ["task:start", "task:done", "task:error", "task:lost", "task:released"] as const) {
  node.addEventListener(type, log);
}

// The first signal hands every task over to the others and then stops; the second stops at once.
let signals = 0;
const stop = async (): Promise<void> => {
  signals += 1;
  await node.stop({ now: signals > 1 });
  await exec[Symbol.asyncDispose]();
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
