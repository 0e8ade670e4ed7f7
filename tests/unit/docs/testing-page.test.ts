/**
 * What docs/testing.md says and code decides: the example output of `noOverlap`, the profiles. Any change of
 * the protocol moves the times of the output: `UPDATE=1` writes it anew.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { forgetfulMeter, Ledger, meter } from "../../../examples/testing/meter.ts";
import { PROFILES } from "../../../src/simulator/profiles.ts";
import { simulate } from "../../../src/testing/kit.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PAGE = join(ROOT, "docs/testing.md");
const page = readFileSync(PAGE, "utf8");
const SHOWN = /(What `noOverlap` throws in the second test:\n\n```\n)([\s\S]*?)(\n```)/;

test("what noOverlap throws in the second test is what the page shows", async () => {
  await using cluster = simulate({ nodes: 5, seed: 7 });
  cluster.handle(meter, forgetfulMeter(new Ledger()));
  await cluster.submit(meter, { customer: "ann" }, { id: "meter-ann" });
  await cluster.advance(10_000);
  cluster.partition([cluster.runs("meter-ann")[0]!.node]);
  await cluster.advance(20_000);
  cluster.heal();
  await cluster.advance(10_000);
  let thrown = "";
  try {
    cluster.noOverlap();
  } catch (error) {
    thrown = String(error);
  }
  if (process.env["UPDATE"] === "1") {
    writeFileSync(PAGE, page.replace(SHOWN, (_, head, _shown, tail) => head + thrown + tail));
  } else expect(SHOWN.exec(page)?.[2]).toBe(thrown);
});

test("the table of profiles has every profile, once", () => {
  const table = /^\| profile \| aims at \|\n([\s\S]*?)\n\n/m.exec(page)![1]!;
  const named = Array.from(table.matchAll(/^\| `(\w+)` \|/gm), (match) => match[1]!);
  expect(named.toSorted()).toEqual([...PROFILES].toSorted());
});
