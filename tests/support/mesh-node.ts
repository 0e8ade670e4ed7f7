/**
 * A bare mesh node as a process, for mesh-interop.test.ts: prints what it sees as JSON lines and answers
 * every frame with its checksum. Arguments: namespace, listen address, join addresses; MDNS=1 to look for
 * others.
 */
import { createHash } from "node:crypto";
import { createMesh } from "../../src/mesh/mesh.ts";

const [namespace = "", listen = "", ...join] = process.argv.slice(2);
const name = process.env["NAME"] ?? "node";
const say = (line: Record<string, unknown>): void => console.log(JSON.stringify(line));

function pattern(bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) frame[i] = (i * 7 + (i >> 8)) & 255;
  return frame;
}

const digest = (frame: Uint8Array): string => createHash("sha256").update(frame).digest("hex");
const SIZES = [1, 1000, 3000, 70_000, 1_000_000];
const expected = SIZES.map((bytes) => digest(pattern(bytes)));
const answersByPeer = new Map<string, string[]>();

const mesh = await createMesh({
  namespace,
  listen: [listen],
  join,
  mdns: process.env["MDNS"] === "1",
  hello: { cluster: "", name, labels: {}, witness: false, expect: 1, boot: 1 },
}, {
  peerUp(id, hello) {
    say({ type: "up", name: hello.name });
    answersByPeer.set(id, []);
    for (const bytes of SIZES) mesh.send(id, [pattern(bytes)]);
  },
  peerDown: (id) => say({ type: "down", id, atMs: Date.now() }),
  frame(from, frame) {
    const answers = answersByPeer.get(from);
    if (frame.byteLength !== 64) mesh.send(from, [new TextEncoder().encode(digest(frame))]);
    else if (answers?.push(new TextDecoder().decode(frame)) === SIZES.length) {
      say({ type: "checked", from, ok: answers.join() === expected.join() });
    }
  },
  congested() {},
  rejected: (_id, reason) => say({ type: "rejected", reason }),
  gossip() {},
  client() {},
});
say({ type: "started", id: mesh.id, address: mesh.addresses[0], runtime: name });
process.on("SIGTERM", async () => {
  await mesh.stop();
  process.exit(0);
});
