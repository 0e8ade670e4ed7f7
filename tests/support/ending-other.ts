/**
 * Holds connections to a node of ending-program.ts open: as the second member of its cluster, and by sockets
 * that say nothing; or is the member that its client is at. It is stopped (SIGSTOP) while it holds them.
 */
import { connect } from "node:net";
import { createNode } from "../../mod.ts";

const SILENT_COUNT = 20;
const [role, namespace = "", port] = process.argv.slice(2);
const address = `/ip4/127.0.0.1/tcp/${port}`;

function hold(): void {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => setTimeout(hold, 100));
}

if (role === "member") {
  for (let i = 0; i < SILENT_COUNT; i++) hold();
  const listen = ["/ip4/127.0.0.1/tcp/0"];
  await createNode({ namespace, listen, join: [address], mdns: false, expect: 2 });
} else {
  await createNode({ namespace, listen: [address], mdns: false });
}
