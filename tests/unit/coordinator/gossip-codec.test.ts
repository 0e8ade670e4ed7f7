/** The bytes of the gossip: what comes back is what was sent, and garbage is nothing. */
import { expect, test } from "bun:test";
import { encode } from "cborg";
import fc from "fast-check";
import {
  decodeDigests,
  decodeMember,
  decodeOwnership,
  encodeDigests,
  encodeMember,
  encodeOwnership,
  type MemberNews,
} from "../../../src/coordinator/gossip-codec.ts";

test("ownership comes back as it was sent, in messages of a bounded size", () => {
  const changes = Array.from({ length: 1200 }, (_, at) => ({
    id: `task ${at}`,
    fence: at,
    state: at % 2 === 0 ? "leased" : "completed",
    owner: at % 2 === 0 ? "node-a" : "",
  }));
  const messages = encodeOwnership([{ p: 3, changes: changes.slice(0, 700) }, {
    p: 4,
    changes: changes.slice(700),
  }]);
  expect(messages.length).toBe(3);
  const back = messages.flatMap((message) => decodeOwnership(message) ?? []);
  expect(back.filter(({ p }) => p === 3).flatMap((news) => news.changes)).toEqual(changes.slice(0, 700));
  expect(back.filter(({ p }) => p === 4).flatMap((news) => news.changes)).toEqual(changes.slice(700));
});

test("a member's news and digests come back as they were sent", () => {
  const news: MemberNews = {
    name: "a",
    version: "1",
    addresses: ["/ip4/1.2.3.4/tcp/1"],
    load: 3,
    state: "draining",
    frozen: true,
    offer: { slots: 100, handlers: [-7, 12], rate: 1.5 },
  };
  expect(decodeMember(encodeMember(news))).toEqual(news);
  const digests = new Map([[0, { count: 2, hash: -5 }], [9, { count: 0, hash: 0 }]]);
  expect(decodeDigests(encodeDigests(digests))).toEqual(digests);
});

test("who says nothing of being frozen is not; who says nonsense of it is not believed", () => {
  expect(decodeMember(encode(["a", "1", [], 3, "up"]))).toMatchObject({ state: "up", frozen: false });
  expect(decodeMember(encode(["a", "1", [], 3, "up", "very"]))).toBeUndefined();
});

test("garbage is nothing, and never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    decodeOwnership(bytes);
    decodeDigests(bytes);
    decodeMember(bytes);
  }));
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    expect(decodeMember(encode([value, value]))).toBeUndefined();
    expect(decodeOwnership(encode([[], [[value, value]]]))).toBeUndefined();
  }));
});

test("older versions send no offer, and one that makes no sense is refused", () => {
  const fields = ["a", "1", [], 3, "up"];
  const offerOf = (offer: unknown): unknown => decodeMember(encode([...fields, false, offer]))?.offer;
  expect([decodeMember(encode(fields))?.offer, decodeMember(encode([...fields, true]))?.offer]).toEqual([
    null,
    null,
  ]);
  expect(offerOf([9, [1], 0.5])).toEqual({ slots: 9, handlers: [1], rate: 0.5 });
  const bad = [null, 7, [-1, [], 0], [1, ["x"], 0], [1, [1.5], 0], [1, [], -1], [1, [], Infinity], [
    1,
    [],
    "2",
  ]];
  for (const offer of [...bad, [1, new Array(65).fill(1), 0]]) expect(offerOf(offer)).toBeUndefined();
});

test("more handlers than fit into the news are sent as none, which means any", () => {
  const offer = { slots: 9, handlers: Array.from({ length: 65 }, (_, at) => at), rate: 0 };
  const news: MemberNews = {
    name: "a",
    version: "1",
    addresses: [],
    load: 0,
    state: "up",
    frozen: false,
    offer,
  };
  expect(decodeMember(encodeMember(news))?.offer).toEqual({ slots: 9, handlers: [], rate: 0 });
});
