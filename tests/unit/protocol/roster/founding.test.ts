/** Claims about a founding: who moves to which, and what counts as a word for it. */
import { expect, test } from "bun:test";
import { Context } from "../../../../src/protocol/context/context.ts";
import type { FoundMessage } from "../../../../src/protocol/model/messages.ts";
import type { Candidate } from "../../../../src/protocol/model/types.ts";
import { Founding } from "../../../../src/protocol/roster/founding.ts";
import { RoleStage } from "../../../support/roles.ts";

const candidate = (id: string): Candidate => ({ id, name: id, labels: {}, witness: false });
const members = (...ids: string[]): readonly Candidate[] => ids.map(candidate);

/** The node m1 of a cluster that is founded by three. */
function stage(): Founding {
  const { options } = new RoleStage().context;
  const context = new Context({ ...options, self: "m1", name: "m1", expect: 3 }, undefined);
  for (const id of ["m0", "m2", "stranger"]) context.connected.add(id);
  return new Founding(context);
}

function found(founding: string, by: readonly Candidate[], acked: readonly string[] = []): FoundMessage {
  return { type: "found", founding, members: by, acked };
}

test("a node acks the first founding that it is a member of", () => {
  const founding = stage();
  founding.onFound("m0", found("m0/b", members("m0", "m1", "m2")));
  expect(founding.acked).not.toBeNull();
});

test("who is no member of a founding has no word in it, and it is no founding of others", () => {
  const founding = stage();
  founding.onFound("stranger", found("m0/b", members("m0", "m1", "m2")));
  founding.onFound("m0", found("m0/b", members("m0", "m2", "m3")));
  expect(founding.acked).toBeNull();
});

test("a node moves to a lower founding when a member of its own acked that", () => {
  const founding = stage();
  founding.onFound("m0", found("m0/b", members("m0", "m1", "m2")));
  const before = founding.acked;
  founding.onFound("m2", found("m0/a", members("m0", "m1", "m2")));
  expect(founding.acked).not.toBe(before);
});

test("a founding is not left because a stranger to it acked a lower one: it may be decided", () => {
  const founding = stage();
  founding.onFound("m0", found("m0/b", members("m0", "m1", "m2")));
  const before = founding.acked;
  founding.onFound("stranger", found("m0/a", members("m1", "m2", "stranger")));
  expect(founding.acked).toBe(before);
});

test("a founding is decided when every member has acked it, and not before", () => {
  const founding = stage();
  const all = members("m0", "m1", "m2");
  founding.onFound("m0", found("m0/b", all));
  expect(founding.tick(false)).toBeNull();
  founding.onFound("m2", found("m0/b", all));
  expect(founding.tick(false)?.members.map(({ id }) => id)).toEqual(["m0", "m1", "m2"]);
});
