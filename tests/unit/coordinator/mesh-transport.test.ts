/** Frames in and out of the mesh, and what happens to those that are none. */
import { expect, test } from "bun:test";
import { MeshTransport } from "../../../src/coordinator/mesh-transport.ts";
import type { Hello, Mesh } from "../../../src/mesh/mesh-types.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";
import { decodeFrame, encodeFrame } from "../../../src/protocol/wire/frame.ts";
import type { Message } from "../../../src/protocol/model/messages.ts";

const demand = (backlog: number): Message => ({ type: "demand", boot: 1, backlog, priority: 0 });
const hello: Hello = {
  wire: { major: 1, minor: 0 },
  namespace: "n",
  cluster: "",
  name: "peer",
  labels: { zone: "a" },
  witness: false,
  expect: 3,
  boot: 1,
  addresses: [],
};
const GARBAGE = new Uint8Array([250, 1, 2, 3]);

interface Setup {
  readonly transport: MeshTransport;
  readonly inputs: Input[];
  readonly rejections: string[];
  readonly sent: (readonly [string, Message[]])[];
  connect(): void;
}

function setUp(): Setup {
  const inputs: Input[] = [];
  const rejections: string[] = [];
  const sent: (readonly [string, Message[]])[] = [];
  const transport = new MeshTransport(() => {});
  const mesh: Mesh = {
    id: "self",
    addresses: ["/ip4/127.0.0.1/tcp/1"],
    peers: () => new Map([["peer", hello]]),
    send: (to, parts) => void sent.push([to, parts.flatMap(decodeFrame)]),
    setCluster: () => {},
    subscribe: () => {},
    publish: () => {},
    stop: () => Promise.resolve(),
  };
  transport.attach(mesh);
  const receiver = {
    input: (input: Input): void => void inputs.push(input),
    gossip: (): void => {},
    rejected: (peer: string, reason: string): void => void rejections.push(`${peer}: ${reason}`),
  };
  return { transport, inputs, rejections, sent, connect: () => transport.receive(receiver) };
}

test("what arrives before the engine is there waits for it, in order", () => {
  const { transport, inputs, connect } = setUp();
  transport.events.peerUp("peer", hello);
  transport.events.frame("peer", encodeFrame([demand(1), demand(2)])[0] as Uint8Array);
  expect(inputs).toEqual([]);
  connect();
  transport.events.peerDown("peer");
  const candidate = { name: "peer", labels: { zone: "a" }, witness: false, expect: 3 };
  expect(inputs).toEqual([
    { type: "peer", node: "peer", up: true, candidate },
    { type: "message", from: "peer", message: demand(1) },
    { type: "message", from: "peer", message: demand(2) },
    { type: "peer", node: "peer", up: false },
  ]);
});

test("messages leave as frames", () => {
  const { transport, sent, connect } = setUp();
  connect();
  transport.send("peer", [demand(1), demand(2)]);
  expect(sent).toEqual([["peer", [demand(1), demand(2)]]]);
});

test("a frame that is none changes nothing and is reported", () => {
  const { transport, inputs, rejections, connect } = setUp();
  connect();
  transport.events.frame("peer", GARBAGE);
  transport.events.frame("peer", encodeFrame([demand(1)])[0] as Uint8Array);
  expect(rejections).toEqual([expect.stringContaining("peer: a frame that is no protocol: ")]);
  expect(inputs).toEqual([{ type: "message", from: "peer", message: demand(1) }]);
});

test("a peer that goes on with garbage is gone until it connects anew", () => {
  const { transport, inputs, rejections, connect } = setUp();
  connect();
  for (let count = 0; count < 20; count++) transport.events.frame("peer", GARBAGE);
  const good = encodeFrame([demand(1)])[0] as Uint8Array;
  transport.events.frame("peer", good);
  transport.events.peerDown("peer");
  expect(inputs).toEqual([{ type: "peer", node: "peer", up: false }]);
  expect(rejections).toHaveLength(9);
  transport.events.peerUp("peer", hello);
  transport.events.frame("peer", good);
  expect(inputs.slice(1).map((input) => input.type)).toEqual(["peer", "message"]);
});

test("frames and bytes are counted both ways", () => {
  const { transport, connect } = setUp();
  connect();
  const [frame] = encodeFrame([demand(1), demand(2)]) as [Uint8Array];
  transport.send("peer", [demand(1), demand(2)]);
  transport.events.frame("peer", frame);
  transport.events.frame("peer", GARBAGE);
  expect(transport.traffic).toEqual({
    sentFrames: 1,
    sentBytes: frame.byteLength,
    receivedFrames: 2,
    receivedBytes: frame.byteLength + GARBAGE.byteLength,
  });
});
