/** What clients and stewards say to each other gets there by way of a third node while their link is down. */
import { expect, test } from "bun:test";
import type { Message } from "../../../../src/protocol/model/messages.ts";
import { EngineBench } from "../../../support/engine-bench.ts";

const PARTITIONS = 16;

function cluster(): EngineBench {
  return new EngineBench(["a", "b", "c"].map((name) => ({ name })), PARTITIONS);
}

/** So many ids are in all partitions. */
const IDS = Array.from({ length: 60 }, (_, at) => `t${at}`);

function relays(bench: EngineBench): readonly Extract<Message, { readonly type: "relay" }>[] {
  return bench.sent.filter((message) => message.type === "relay");
}

test("while one pair is cut, clients of the one are answered for the partitions of the other", () => {
  const bench = cluster();
  bench.cut("a", "b");
  bench.run(20_000);
  bench.sent.length = 0;
  for (const id of IDS) bench.submit(id, null, "nobody has a handler for it", true);
  bench.run(1000);
  expect(bench.answers.length).toBe(IDS.length);
  for (const id of IDS) bench.command(id, { type: "kill" });
  bench.run(1000);
  expect(new Set(bench.commanded)).toEqual(new Set(IDS.map((id) => `${id} applied`)));
  expect(new Set(bench.ended)).toEqual(new Set(IDS.map((id) => `${id} killed`)));
  expect(relays(bench).length).toBeGreaterThan(0);
});

test("whose link is up is never sent anything through others", () => {
  const bench = cluster();
  for (const id of IDS) bench.submit(id);
  bench.run(1000);
  expect(relays(bench)).toEqual([]);
});

test("a question grows older while it waits for a way, whoever carries it then", () => {
  const bench = cluster();
  bench.cut("a", "b");
  bench.run(20_000);
  bench.loses = ({ type }) => type === "relay";
  for (const id of IDS) bench.submit(id);
  bench.run(2500);
  const ages = new Map<number, number[]>();
  for (const { message } of relays(bench)) {
    if (message.type !== "submit") continue;
    for (const { rid, ageMs } of message.items) ages.set(rid, [...ages.get(rid) ?? [], ageMs]);
  }
  expect(ages.size).toBeGreaterThan(0);
  for (const [, list] of ages) {
    expect(list.length).toBeGreaterThan(2);
    expect(list).toEqual(list.toSorted((x, y) => x - y));
    expect(list.at(-1)).toBeGreaterThan(1000);
  }
});

test("with nobody between nothing has been sent", () => {
  const bench = cluster();
  for (const other of ["b", "c"]) bench.cut("a", other);
  bench.run(20_000);
  const rids = IDS.map((id) => bench.command(id));
  bench.run(1000);
  // to itself, the steward of some, it has sent
  expect(rids.filter((rid) => bench.isUnsent(rid)).length).toBeGreaterThan(IDS.length / 3);
  expect(relays(bench)).toEqual([]);
});

test("what is passed on is passed on once, and only in the name of whoever asks for it", () => {
  const bench = cluster();
  const [a, b, c] = ["a", "b", "c"].map((name) => bench.numberOf(name)) as [number, number, number];
  const type = "relay" as const;
  const message = { type: "query", rid: 1, p: 0, query: { type: "get", id: "t" } } as const;
  bench.cut("a", "b");
  bench.run(5000);
  bench.sent.length = 0;
  // c is to pass on in another's name; b is asked for one that is not connected to it; c for itself
  bench.push("c", { type: "message", from: "a", message: { type, from: b, to: b, message } });
  bench.push("b", { type: "message", from: "c", message: { type, from: c, to: a, message } });
  bench.push("c", { type: "message", from: "a", message: { type, from: c, to: c, message } });
  bench.run(10);
  expect(relays(bench)).toEqual([]);
  expect(bench.sent.filter(({ type }) => type === "queryReply")).toEqual([]);
});
