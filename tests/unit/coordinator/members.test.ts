/** The members as a node sees them. */
import { expect, test } from "bun:test";
import { encodeMember, type MemberOffer, type MemberState } from "../../../src/coordinator/gossip-codec.ts";
import { Members } from "../../../src/coordinator/members.ts";
import type { Transport } from "../../../src/coordinator/transport.ts";
import type { Roster } from "../../../src/protocol/model/types.ts";

const members = ["a", "b"].map((name, at) => ({
  no: at + 1,
  id: `id-${name}`,
  name,
  labels: {},
  witness: false,
  leaving: false,
}));
const roster: Roster = {
  cluster: "x",
  epoch: 1,
  replication: 2,
  members,
  nextNo: 4,
  deciders: [1],
  chains: [[{ epoch: 1, keepers: [1, 2] }]],
};

interface Setup {
  readonly members: Members;
  readonly changes: string[];
  connected: boolean;
  heardMs: number;
  roster: Roster | null;
}

/** Seen from a. */
function setUp(): Setup {
  const changes: string[] = [];
  const state = { connected: true, heardMs: 0, roster: roster as Roster | null };
  const transport: Transport = {
    addresses: [],
    upCount: 1,
    isUp: () => state.connected,
    helloOf: () => ({ name: "b", labels: {}, addresses: ["/hello"] }),
    send: () => {},
    setCluster: () => {},
    publish: () => {},
    stop: () => Promise.resolve(),
  };
  const status = {
    serving: true,
    heldCount: 4,
    isOut: false,
    terms: [],
    stewardOf: (no: number) => no === 1 ? 1 : 0,
    keeps: () => 1,
    // b keeps the one partition and does not serve it
    healths: [{ p: 0, keepers: [1, 2], absent: [2], spare: -1 }],
    ringShare: (no: number) => no / 3,
    tasksByState: () => {
      throw new Error("nobody asks for it");
    },
    lastHeardMs: (no: number) => no === 2 ? state.heardMs : 0,
  };
  return Object.assign(state, {
    changes,
    members: new Members({
      self: "id-a",
      labels: {},
      heartbeatMs: 1000,
      transport,
      engine: {
        get roster() {
          return state.roster;
        },
        status: () => status,
      },
      own: () => ({
        name: "a",
        version: "1",
        addresses: ["/own"],
        load: 4,
        state: "up",
        frozen: false,
        offer: null,
      }),
      tasksOf: () => 7,
      onChange: (_node, name, up) => changes.push(`${name} ${up ? "up" : "down"}`),
      onOffer: (node) => changes.push(`${node} offers`),
    }),
  });
}

const news = (state: MemberState, frozen = false, offer: MemberOffer | null = null): Uint8Array =>
  encodeMember({ name: "b", version: "2", addresses: ["/news"], load: 7, state, frozen, offer });

test("this node counts its own tasks, others are seen by the view and their own news", () => {
  const { members } = setUp();
  members.onNews("id-b", news("draining"));
  expect(members.infos(1000)).toMatchObject([
    {
      name: "a",
      self: true,
      state: "up",
      tasks: 4,
      stewardOf: 1,
      ringShare: 1 / 3,
      version: "1",
      lastHeardMs: 0,
    },
    {
      name: "b",
      self: false,
      state: "draining",
      tasks: 7,
      version: "2",
      addresses: ["/news"],
      lastHeardMs: 1000,
    },
  ]);
});

test("a member is down when its connection or its heartbeats are gone, and that is reported once", () => {
  const setup = setUp();
  const { members, changes } = setup;
  members.poll(1000);
  members.poll(2000);
  members.poll(2600);
  setup.heardMs = 3000;
  members.poll(3000);
  setup.connected = false;
  members.poll(3100);
  expect(changes).toEqual(["b up", "b down", "b up", "b down"]);
});

test("a frozen member is shown as such while it is up", () => {
  const setup = setUp();
  setup.members.onNews("id-b", news("up", true));
  expect(setup.members.infos(0)).toMatchObject([{ frozen: false }, { state: "up", frozen: true }]);
  setup.connected = false;
  expect(setup.members.infos(0)[1]).toMatchObject({ state: "down", frozen: false });
});

test("a member that said farewell has stopped, one that did not is down", () => {
  const setup = setUp();
  setup.connected = false;
  expect(setup.members.infos(0)[1]?.state).toBe("down");
  setup.members.onNews("id-b", news("stopped"));
  expect(setup.members.infos(0)[1]?.state).toBe("stopped");
});

test("news of strangers and news that makes no sense change nothing", () => {
  const { members } = setUp();
  expect(members.onNews("id-x", news("up"))).toBe(true);
  expect(members.onNews("id-b", new Uint8Array([1]))).toBe(false);
  expect(members.infos(0)[1]).toMatchObject({ version: "", addresses: ["/hello"] });
});

test("before the founding there is only this node", () => {
  const setup = setUp();
  setup.roster = null;
  expect(setup.members.infos(0)).toMatchObject([{ node: "id-a", self: true, keeps: 0 }]);
});

test("what a member would take is known once it says so, and reported when it takes more than before", () => {
  const { members, changes } = setUp();
  members.onNews("id-b", news("up"));
  expect([members.offerOf("id-b"), members.offerOf("id-x"), members.infos(0)[1]?.load]).toEqual([
    null,
    null,
    0,
  ]);
  const offers = [[0, [1]], [9, [1]], [9, [1]], [5, [1]], [5, [1, 2]], [5, []], [0, []]] as const;
  const eventCounts = offers.map(([slots, handlers]) => {
    changes.length = 0;
    members.onNews("id-b", news("up", false, { slots, handlers, rate: slots / 2 }));
    return changes.length;
  });
  expect(eventCounts).toEqual([0, 1, 0, 0, 1, 0, 0]);
  expect(members.offerOf("id-b")).toEqual({ slots: 0, handlers: [], rate: 0, tasks: 7 });
  members.onNews("id-b", news("up", false, { slots: 3, handlers: [], rate: 2.5 }));
  expect(members.infos(0)[1]?.load).toBe(2.5);
});
