/**
 * Strangers at the door of a cluster of three (a peer of each runtime, secret and list): what each sees, byte
 * by byte, and what the members say. `node tests/drills/intruder.ts`.
 */
import { GuardedCluster, WireTap } from "../support/intruders.ts";
import { runShow } from "../support/drill.ts";

const SHOWN_BYTES = 48;
const NAMES = /stolos|multistream|noise|yamux|ipfs|12D3Koo/;

await runShow("who may not connect, and what it sees", async (report, directory) => {
  await using cluster = new GuardedCluster(directory);
  await cluster.start(["node", "bun", "deno"]);
  const addresses = await cluster.addresses();
  const { friend } = cluster;
  const known = await cluster.nodes(addresses[0]!, friend);
  report.check("a client with the secret and on the list is served", known.code === 0);
  const strangers: [string, readonly string[]][] = [
    ["without a secret", []],
    ["with another secret", ["--secret-file", cluster.otherFile]],
    ["with the secret, not on the list", ["--secret-file", cluster.secretFile]],
  ];
  for (const [who, more] of strangers) {
    for (const [at, address] of addresses.entries()) {
      await using tap = await WireTap.before(address);
      const { code, stderr } = await cluster.nodes(tap.address, more);
      const { bytes } = tap;
      const runtime = cluster.peers[at]!.runtime;
      report.say(`${who}, at the ${runtime} peer: ${tap.connectionCount} connections, ${bytes.length} bytes`);
      report.say(`  hex  ${bytes.subarray(0, SHOWN_BYTES).toString("hex")}…`);
      report.say(`  says ${stderr.trim().slice(0, 160)}`);
      report.check("  it was not served", code === 2);
      report.check(
        "  no name of a protocol, no peer id was sent to it",
        !NAMES.test(bytes.toString("latin1")),
      );
    }
  }
  report.check("members report all", await cluster.haveReportedAll());
  for (const reason of new Set(cluster.refusals)) report.say(`members: ${reason}`);
  const after = await cluster.nodes(addresses[0]!, friend);
  report.check("the cluster is as it was", after.code === 0 && after.json().length === 3);
});
