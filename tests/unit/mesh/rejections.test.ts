/** Refusals are told of once a minute each, and a flood of them does not flood a log. */
import { expect, test } from "bun:test";
import { Rejections } from "../../../src/mesh/mesh.ts";

test("the same refusal again and again is told of once", () => {
  const told: string[] = [];
  const rejections = new Rejections((id, reason) => told.push(`${id} ${reason}`));
  for (let i = 0; i < 5; i++) rejections.report("a", "does not read");
  rejections.report("a", "sent garbage");
  rejections.report("b", "sent garbage");
  expect(told).toEqual(["a does not read", "a sent garbage", "b sent garbage"]);
});

test("who comes from ever new addresses is told of two hundred times a minute", () => {
  let toldCount = 0;
  const rejections = new Rejections(() => toldCount++);
  for (let i = 0; i < 5000; i++) rejections.report("", `a connection from 127.0.${i >> 8}.${i & 255} ended`);
  expect(toldCount).toBe(200);
});
