import { connect } from "node:net";
import { connectClient, createNode } from "../../mod.ts";
const [ns, port, kind] = process.argv.slice(2);
if (kind === "member") {
  const node = await createNode({
    namespace: ns!,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    join: [`/ip4/127.0.0.1/tcp/${port}`],
    mdns: false,
    expect: 2,
  });
  for (let i = 0; i < 20; i++) {
    const hold = () => {
      const s = connect(Number(port), "127.0.0.1");
      s.on("error", () => setTimeout(hold, 100));
    };
    hold();
  }
} else {
  const node = await createNode({ namespace: ns!, listen: [`/ip4/127.0.0.1/tcp/${port}`], mdns: false });
  await node.ready();
}
