/** Commands to nodes: sent until answered, done once however often they come. */
import { expect, test } from "bun:test";
import type { Effect, EngineOptions } from "../../../../src/protocol/model/contract.ts";
import { Context } from "../../../../src/protocol/context/context.ts";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import { NodeCommands } from "../../../../src/protocol/client/node-commands.ts";
import type { Roster } from "../../../../src/protocol/model/types.ts";

const members = ["a", "b", "c"].map((id, at) => ({
  ...{ no: at + 1, id, name: `name-${id}`, labels: {}, witness: false, leaving: false },
}));
const roster: Roster = {
  ...{ cluster: "x", epoch: 1, replication: 3, members, nextNo: 4, deciders: [1] },
  chains: [[{ epoch: 1, keepers: [1, 2, 3] }]],
};
const freeze = { type: "freeze" } as const;

/** Node a, connected to b; c is a member, too. */
function setUp(isMember = true): { context: Context; commands: NodeCommands; at(monoMs: number): Effect[] } {
  // the parts under test look at no other option
  const context = new Context({ self: "a", resendMs: 100, partitionCount: 1 } as EngineOptions, undefined);
  if (isMember) context.adoptRoster(roster);
  context.connected.add("b");
  const commands = new NodeCommands(context);
  const at = (monoMs: number): Effect[] => {
    context.clock = { monoMs, leaseMs: monoMs, wallMs: monoMs };
    commands.tick();
    return context.takeEffects();
  };
  return { context: context, commands, at };
}

const sent = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) => effect.type === "send" ? effect.messages.map((each) => [effect.to, each]) : []);
const events = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) => effect.type === "event" ? [effect.event] : []);

test("a command goes to its node again and again until that node answers, and only it", () => {
  const { commands, at } = setUp();
  commands.input({ type: "nodeCommand", cid: 7, node: "b", command: freeze });
  const message = ["b", { type: "nodeCommand", cid: 7, command: freeze }];
  expect(sent(at(0))).toEqual([message]);
  expect(sent(at(99))).toEqual([]);
  expect(sent(at(100))).toEqual([message]);
  commands.onReply(3, { type: "nodeCommandReply", cid: 7, status: "done" });
  expect(events(at(101))).toEqual([]);
  commands.onReply(2, { type: "nodeCommandReply", cid: 7, status: "done" });
  commands.onReply(2, { type: "nodeCommandReply", cid: 7, status: "done" });
  expect(events(at(102))).toEqual([{ type: "nodeCommandAnswered", cid: 7, status: "done" }]);
  expect(sent(at(1000))).toEqual([]);
});

test("a command that was given up, or whose node is away, goes nowhere", () => {
  const { context, commands, at } = setUp();
  commands.input({ type: "nodeCommand", cid: 7, node: "b", command: freeze });
  commands.input({ type: "nodeCommand", cid: 8, node: "c", command: freeze });
  commands.input({ type: "nodeCommand", cid: 9, node: "nobody", command: freeze });
  at(0);
  commands.input({ type: "nodeCommandCancel", cid: 7 });
  expect(sent(at(200))).toEqual([]);
  context.connected.add("c");
  expect(sent(at(400))).toEqual([["c", { type: "nodeCommand", cid: 8, command: freeze }]]);
  expect(context.loopback).toEqual([]);
});

test("a command that came is done once; a repeat is answered, to whoever asked last", () => {
  const { context, commands, at } = setUp();
  context.connected.add("c");
  const message = { type: "nodeCommand", cid: 7, command: freeze } as const;
  commands.onCommand(2, message);
  expect(events(at(0))).toEqual([message]);
  commands.onCommand(2, message);
  commands.onCommand(3, message);
  expect(at(1)).toEqual([]);
  commands.input({ type: "nodeCommandDone", cid: 7, status: "missing" });
  const reply = { type: "nodeCommandReply", cid: 7, status: "missing" };
  expect(sent(at(2))).toEqual([["c", reply]]);
  commands.onCommand(2, message);
  const effects = at(3);
  expect([events(effects), sent(effects)]).toEqual([[], [["b", reply]]]);
});

test("a node in no cluster commands itself, and nobody else", () => {
  const { context, commands } = setUp(false);
  commands.input({ type: "nodeCommand", cid: 7, node: "b", command: freeze });
  expect(context.loopback).toEqual([]);
  commands.input({ type: "nodeCommand", cid: 8, node: "a", command: freeze });
  expect(context.loopback).toEqual([{ type: "nodeCommand", cid: 8, command: freeze }]);
});

test("the oldest commands are forgotten beyond the bound", () => {
  const { commands, at } = setUp();
  for (let cid = 0; cid <= LIMITS.nodeCommandsMax; cid++) {
    commands.onCommand(2, { type: "nodeCommand", cid, command: freeze });
  }
  at(0);
  commands.onCommand(2, { type: "nodeCommand", cid: 1, command: freeze });
  expect(events(at(1))).toEqual([]);
  commands.onCommand(2, { type: "nodeCommand", cid: 0, command: freeze });
  expect(events(at(2))).toHaveLength(1);
});
