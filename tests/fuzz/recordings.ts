/**
 * What the fuzzer changes: real traffic. The simulator's clusters run real engines; what they send and store
 * is taken down here, and a client's requests are written down as a client makes them.
 */
import { encodeMember, encodeOwnership } from "../../src/coordinator/gossip-codec.ts";
import { encodePeers } from "../../src/mesh/control-codec.ts";
import { encodeHello } from "../../src/mesh/hello.ts";
import { encodeRpc } from "../../src/client/rpc-messages.ts";
import { ANY_TASK } from "../../src/protocol/model/task-filter.ts";
import { encodeFrame } from "../../src/protocol/wire/frame.ts";
import { Engine } from "../../src/protocol/engine.ts";
import { encodeRecord } from "../../src/protocol/wire/records.ts";
import { encodeValue } from "../../src/task/values.ts";
import { simulate } from "../../src/simulator/simulate.ts";

export interface Recordings {
  /** Frames between members. Those of strangers would be let in by a join, so there is none. */
  readonly frames: readonly Uint8Array[];
  /** What a store holds. */
  readonly records: readonly Uint8Array[];
  readonly states: readonly Uint8Array[];
  readonly hellos: readonly Uint8Array[];
  readonly peers: readonly Uint8Array[];
  readonly requests: readonly Uint8Array[];
  readonly news: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
}

const PROFILES = ["general", "snapshots", "reconfiguration", "commands", "placement"] as const;
const PER_PROFILE_MAX = 2000;

export const HELLO = {
  wire: { major: 1, minor: 0 },
  namespace: "fuzz",
  cluster: "",
  name: "stranger",
  labels: { zone: "a" },
  witness: false,
  expect: 1,
  boot: 1,
  addresses: ["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWJ4WwcUHRxvV7VYNZJFfjXDEbXSB6WcRdXfjQH1p1F2hX"],
} as const;

export function record(): Recordings {
  const frames: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  const states: Uint8Array[] = [];
  const step = Engine.prototype.step;
  try {
    for (const [seed, profile] of PROFILES.entries()) {
      const limit = (seed + 1) * PER_PROFILE_MAX;
      Engine.prototype.step = function (inputs, clock) {
        const effects = step.call(this, inputs, clock);
        for (const effect of effects) {
          if (effect.type === "send" && frames.length < limit) {
            const messages = effect.messages.filter(({ type }) => type !== "join");
            if (messages.length > 0) frames.push(...encodeFrame(messages));
          } else if (effect.type === "persist" && records.length < limit) {
            for (const each of effect.records) {
              records.push(encodeRecord(each));
              if (each.type === "snapshot") states.push(each.state);
            }
          }
        }
        return effects;
      };
      simulate(seed + 1, profile);
    }
  } finally {
    Engine.prototype.step = step;
  }
  return { frames, records, states, ...others() };
}

function others(): Pick<Recordings, "hellos" | "peers" | "requests" | "news" | "values"> {
  const spec = ["t1", "noop", new Uint8Array(20), 3, 0, 0, 7, null];
  const requests = [
    [1, "submit", [[spec, spec], 1000, 0]],
    [2, "outcome", ["t1"]],
    [3, "get", ["t1", 1000]],
    [4, "list", [{ ...ANY_TASK, states: ["failed"], tag: "eu" }, [0, ""], 100, 1000]],
    [5, "command", ["t1", 7, { type: "sleep", untilMs: 1e12 }, 1000]],
    [6, "nodes", [1000]],
    [7, "commandNode", ["n1", { type: "freeze" }, 1, 1000]],
    [8, "watch", null],
    [9, "ping", null],
    [10, "command", ["t1", 8, { type: "retry", fence: 12 }, 1000]],
    [11, "retain", [{ no: 1, completedMs: 1e6, failedMs: 1e7 }, 1000]],
    [12, "retention", [1000]],
    [4, "cancel", null],
  ] as const;
  const member = {
    name: "n",
    version: "0.1.0",
    addresses: HELLO.addresses,
    load: 3,
    state: "up",
    frozen: false,
    offer: { slots: 5, handlers: [1, 2], rate: 0.5 },
  } as const;
  const value = { text: "x".repeat(50), list: [1, 2n, null, new Date(7)], bytes: new Uint8Array(9) };
  return {
    hellos: [encodeHello(HELLO)],
    peers: [encodePeers([[HELLO.addresses[0].split("/").at(-1)!, HELLO]])],
    requests: [
      ...requests.flatMap((each) => encodeRpc([each], () => null)),
      ...encodeRpc(requests, () => null),
    ],
    news: [encodeMember(member), ...encodeOwnership([{ p: 1, changes: [] }])],
    values: [encodeValue(value, "value"), encodeValue([1, "a", { b: undefined }], "value")],
  };
}
