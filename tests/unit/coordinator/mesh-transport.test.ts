/** Frames in and out of the mesh, and what happens to those that are none. */
import { expect, test } from "bun:test";
import { MeshIntake, type MeshReceiver, MeshTransport } from "../../../src/coordinator/mesh-transport.ts";
import type { Hello, Mesh, MeshEvents } from "../../../src/mesh/mesh-types.ts";
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
  readonly events: MeshEvents;
  readonly inputs: Input[];
  readonly rejections: string[];
  readonly sent: (readonly [string, Message[]])[];
  /** The engine is there. */
  start(): void;
}

function setUp(): Setup {
  const inputs: Input[] = [];
  const rejections: string[] = [];
  const sent: (readonly [string, Message[]])[] = [];
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
  const receiver: MeshReceiver = {
    input: (input) => void inputs.push(input),
    gossip: () => {},
    rejected: (peer, reason) => void rejections.push(`${peer}: ${reason}`),
    unreachable: () => {},
    listenTrouble: () => {},
    client: () => {},
  };
  const intake = new MeshIntake(receiver);
  const transport = new MeshTransport(mesh, intake);
  return { transport, events: intake.events, inputs, rejections, sent, start: () => intake.start() };
}

test("what arrives before the engine is there waits for it, in order", () => {
  const { events, inputs, start } = setUp();
  events.peerUp("peer", hello);
  events.frame("peer", encodeFrame([demand(1), demand(2)])[0] as Uint8Array);
  expect(inputs).toEqual([]);
  start();
  events.peerDown("peer", true);
  const candidate = { name: "peer", labels: { zone: "a" }, witness: false, expect: 3 };
  expect(inputs).toEqual([
    { type: "peer", node: "peer", up: true, candidate },
    { type: "message", from: "peer", message: demand(1) },
    { type: "message", from: "peer", message: demand(2) },
    { type: "peer", node: "peer", up: false, isClosed: true },
  ]);
});

test("messages leave as frames", () => {
  const { transport, sent, start } = setUp();
  start();
  transport.send("peer", [demand(1), demand(2)]);
  expect(sent).toEqual([["peer", [demand(1), demand(2)]]]);
});

test("a frame that is none changes nothing and is reported", () => {
  const { events, inputs, rejections, start } = setUp();
  start();
  events.frame("peer", GARBAGE);
  events.frame("peer", encodeFrame([demand(1)])[0] as Uint8Array);
  expect(rejections).toEqual([expect.stringContaining("peer: a frame that is no protocol: ")]);
  expect(inputs).toEqual([{ type: "message", from: "peer", message: demand(1) }]);
});

test("a peer that goes on with garbage is gone until it connects anew", () => {
  const { events, inputs, rejections, start } = setUp();
  start();
  for (let count = 0; count < 20; count++) events.frame("peer", GARBAGE);
  const good = encodeFrame([demand(1)])[0] as Uint8Array;
  events.frame("peer", good);
  events.peerDown("peer", true);
  expect(inputs).toEqual([{ type: "peer", node: "peer", up: false }]);
  expect(rejections).toHaveLength(9);
  events.peerUp("peer", hello);
  events.frame("peer", good);
  expect(inputs.slice(1).map((input) => input.type)).toEqual(["peer", "message"]);
});

test("frames and bytes are counted both ways", () => {
  const { transport, events, start } = setUp();
  start();
  const [frame] = encodeFrame([demand(1), demand(2)]) as [Uint8Array];
  transport.send("peer", [demand(1), demand(2)]);
  events.frame("peer", frame);
  events.frame("peer", GARBAGE);
  expect(transport.traffic).toEqual({
    sentFrames: 1,
    sentBytes: frame.byteLength,
    receivedFrames: 2,
    receivedBytes: frame.byteLength + GARBAGE.byteLength,
  });
});
