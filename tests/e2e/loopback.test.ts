/** Two hosts on one network: an address of the one's loopback, found by mDNS, is nothing to the other. */
import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { commandOn, PeerProcess } from "../../examples/demo/peer-process.ts";
import { eventually } from "../support/drill.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";
import { type NetHost, TestNetwork } from "../support/netns.ts";

const why = whyNoNetworks();
const PORT = 4001;
/** mDNS asks every 5 s. */
const TWO_ANSWERS_MS = 7000;

/** Says a line for each connection to the port of the loopback. */
function decoyOn(host: NetHost): { readonly child: ChildProcess; readonly lines: string[] } {
  const program =
    `require("node:net").createServer((socket) => { console.log("called"); socket.destroy(); })` +
    `.listen(${PORT}, "127.0.0.1", () => console.log("listening"))`;
  const [command = "", ...args] = [...host.prefix, commandOn("node", "", [])[0]!, "-e", program];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  return { child, lines };
}

test.skipIf(why !== "")(
  "a peer on another host that listens on loopback alone is told of, and not dialled",
  async () => {
    using network = new TestNetwork(2);
    const [here, there] = network.hosts;
    await using stack = new AsyncDisposableStack();
    const decoy = decoyOn(here!);
    stack.defer(() => void decoy.child.kill("SIGKILL"));
    expect(await eventually(() => decoy.lines.length > 0)).toBe(true);
    const namespace = ["--namespace", `loopback-${process.pid}`];
    const listen = ["--listen", `/ip4/127.0.0.1/tcp/${PORT}`];
    const other = stack.use(
      new PeerProcess({ runtime: "bun", args: [...namespace, ...listen], prefix: there!.prefix }),
    );
    const [address] = await other.addresses();
    const own = stack.use(new PeerProcess({ runtime: "node", args: namespace, prefix: here!.prefix }));
    expect(await own.event(({ event }) => event === "join:unreachable", 20_000)).toMatchObject({
      address,
      reason: expect.stringContaining("loopback"),
    });
    expect(await eventually(() => decoy.lines.length > 1, TWO_ANSWERS_MS)).toBe(false);
  },
);

test.skipIf(why !== "")(
  "two peers on one host find each other though they listen on loopback alone",
  async () => {
    using network = new TestNetwork(1);
    await using stack = new AsyncDisposableStack();
    const namespace = ["--namespace", `near-${process.pid}`, "--expect", "2"];
    const [prefix] = network.hosts.map((host) => host.prefix);
    const peers = (["deno", "bun"] as const).map((runtime) =>
      stack.use(new PeerProcess({ runtime, args: namespace, prefix: prefix! }))
    );
    await Promise.all(peers.map((peer) => peer.ready()));
  },
);

if (why !== "") test.skip(`loopback of other hosts was not tried: ${why}`, () => {});
