/** What was refused stays refused. */
import { expect, test } from "bun:test";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import { MemberDecisions } from "../../../../src/protocol/steward/decisions.ts";
import { EngineBench } from "../../../support/engine-bench.ts";

function cluster(): EngineBench {
  return new EngineBench(["a", "b", "c"].map((name) => ({ name })), 1);
}

test("a refusal is known until its request is settled, and then the request is", () => {
  const decisions = new MemberDecisions<string>();
  decisions.note(5, "invalid");
  expect([decisions.get(5), decisions.isSettled(5)]).toEqual(["invalid", false]);
  decisions.raise(6);
  expect([decisions.get(5), decisions.isSettled(5), decisions.isSettled(6)]).toEqual([
    undefined,
    true,
    false,
  ]);
  decisions.raise(3);
  expect(decisions.isSettled(5)).toBe(true);
});

test("of a member that settles nothing no refusal is forgotten; beyond a limit nothing is decided", () => {
  const decisions = new MemberDecisions<string>();
  const { decisionsPerMemberMax } = LIMITS;
  for (let rid = 1; rid <= decisionsPerMemberMax; rid++) {
    expect(decisions.isFull).toBe(false);
    decisions.note(rid, "unknown");
  }
  expect([decisions.get(1), decisions.isFull]).toEqual(["unknown", true]);
  decisions.raise(2);
  expect([decisions.get(1), decisions.isFull]).toEqual([undefined, false]);
});

test("more calls than a steward may remember wait for others to be settled, and are answered then", () => {
  const { decisionsPerMemberMax } = LIMITS;
  const bench = cluster();
  bench.submit("t", null, "nobody has a handler for it");
  bench.run(100);
  bench.loses = (message) => message.type === "commandReply";
  for (let i = 0; i < decisionsPerMemberMax; i++) bench.command("none");
  bench.run(50);
  const before = bench.lastIndex("a", 0);
  bench.command("t", { type: "kill" });
  bench.run(50);
  expect([bench.commanded, bench.ended, bench.lastIndex("a", 0)]).toEqual([[], [], before]);
  bench.loses = () => false;
  bench.run(3000);
  expect(bench.commanded.length).toBe(decisionsPerMemberMax + 1);
  expect(new Set(bench.commanded)).toEqual(new Set(["none unknown", "t applied"]));
});

test("a command that found no task is not carried out by its second copy", () => {
  const bench = cluster();
  bench.loses = (message) => message.type === "commandReply";
  bench.command("t", { type: "kill" });
  bench.run(100);
  bench.submit("t", null, "nobody has a handler for it");
  bench.run(100);
  expect(bench.commanded).toEqual([]);
  bench.loses = () => false;
  bench.run(2000);
  expect(bench.commanded).toEqual(["t unknown"]);
  expect(bench.why("t")).toContain("has a handler named");
});

test("a command for no term, or another, is not carried out, and the sender is told the term", () => {
  const bench = cluster();
  bench.submit("t");
  bench.run(100);
  const before = bench.lastIndex("a", 0);
  const command = {
    type: "command",
    rid: 1,
    p: 0,
    floor: 1,
    id: "t",
    cid: 9,
    message: { type: "kill" },
  } as const;
  const old = { cfg: 1, counter: 0, node: 1, boot: 1 };
  bench.sent.length = 0;
  for (const ballot of [null, old]) {
    for (const to of ["a", "b", "c"]) {
      const from = to === "a" ? "b" : "a";
      bench.push(to, { type: "message", from, message: { ...command, ballot } });
    }
  }
  bench.run(100);
  expect(bench.lastIndex("a", 0)).toBe(before);
  expect(bench.sent.filter(({ type }) => type === "steward").length).toBeGreaterThanOrEqual(2);
  expect(bench.sent.filter(({ type }) => type === "commandReply")).toEqual([]);
});

test("a refusal by another term than the one that was asked last is not believed, an acceptance is", () => {
  const bench = cluster();
  bench.loses = (message) => message.type === "commandReply";
  bench.command("x");
  bench.command("y");
  bench.run(20);
  const sent = bench.sent.flatMap((message) => message.type === "command" ? [message.rid] : []);
  const replies = bench.sent.flatMap((message) => message.type === "commandReply" ? [message.rid] : []);
  const [x, y] = [...new Set([...sent, ...replies])];
  const reply = { type: "commandReply", p: 0, ballot: { cfg: 1, counter: 0, node: 2, boot: 1 } } as const;
  bench.push("a", { type: "message", from: "b", message: { ...reply, rid: x!, status: "unknown" } });
  bench.push("a", { type: "message", from: "b", message: { ...reply, rid: y!, status: "queued" } });
  bench.run(20);
  expect(bench.commanded).toEqual(["y queued"]);
});

test("refusals wait for an entry that is appended after the question, one for all of a moment", () => {
  const bench = cluster();
  bench.submit("t");
  bench.run(100);
  const before = bench.lastIndex("a", 0);
  for (let i = 0; i < 50; i++) bench.command(`none${i}`);
  bench.run(200);
  expect(bench.commanded.length).toBe(50);
  expect(bench.lastIndex("a", 0) - before).toBe(1);
});

test("without a quorum nothing is refused", () => {
  const bench = cluster();
  bench.loses = (message) => message.type === "append";
  bench.command("none");
  bench.run(300);
  expect(bench.commanded).toEqual([]);
  bench.loses = () => false;
  bench.run(2000);
  expect(bench.commanded).toEqual(["none unknown"]);
});

test("what has left for a steward counts as sent, whatever became of the network", () => {
  const bench = cluster();
  bench.loses = (message) => message.type === "commandReply";
  const rid = bench.command("none");
  bench.run(50);
  for (const node of ["b", "c"]) bench.push("a", { type: "peer", node, up: false });
  bench.run(50);
  expect(bench.isUnsent(rid)).toBe(false);
});

test("what waits for a steward that is not there has not been sent", () => {
  const bench = cluster();
  for (const node of ["b", "c"]) bench.push("a", { type: "peer", node, up: false });
  for (const node of ["b", "c"]) bench.push(node, { type: "peer", node: "a", up: false });
  bench.run(20_000);
  const rid = bench.command("none");
  bench.run(50);
  expect(bench.isUnsent(rid)).toBe(true);
});

test("pages of a list go on after the last task, whatever came and went before it", () => {
  const bench = cluster();
  for (const id of ["e", "c", "a", "d", "b"]) bench.submit(id);
  bench.run(100);
  expect(bench.list("", 2)).toEqual(["a", "b"]);
  for (const id of ["A", "aa"]) bench.submit(id);
  bench.run(100);
  expect(bench.list("b", 2)).toEqual(["c", "d"]);
  expect(bench.list("d", 2)).toEqual(["e"]);
  expect(bench.list("e", 2)).toEqual([]);
});
