/** Refusals are reported once a minute each, and a flood of them does not flood a log. */
import { expect, test } from "bun:test";
import { Rejections } from "../../../src/mesh/mesh.ts";

test("the same refusal again and again is reported once", () => {
  const reported: string[] = [];
  const rejections = new Rejections((id, reason) => reported.push(`${id} ${reason}`));
  for (let i = 0; i < 5; i++) rejections.report("a", "does not read");
  rejections.report("a", "sent garbage");
  rejections.report("b", "sent garbage");
  expect(reported).toEqual(["a does not read", "a sent garbage", "b sent garbage"]);
});

test("who comes from ever new addresses is reported two hundred times a minute", () => {
  let reportCount = 0;
  const rejections = new Rejections(() => reportCount++);
  for (let i = 0; i < 5000; i++) rejections.report("", `a connection from 127.0.${i >> 8}.${i & 255} ended`);
  expect(reportCount).toBe(200);
});
