/** The bytes themselves: a change of wire.golden.txt is a change of the wire format. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  decodeFrame,
  decodeOperation,
  encodeFrame,
  encodeOperation,
} from "../../../../src/protocol/wire/frame.ts";
import type { PersistRecord } from "../../../../src/protocol/model/contract.ts";
import type { Operation } from "../../../../src/protocol/model/types.ts";
import { decodeRecord, encodeRecord } from "../../../../src/protocol/wire/records.ts";
import { decodeState, encodeState } from "../../../../src/protocol/wire/snapshots.ts";
import { messageExamples, recordExamples, stateExample } from "../../../support/message-examples.ts";
import { operationExamples } from "../../../support/operation-examples.ts";
import { plain } from "../../../support/plain.ts";

const PATH = fileURLToPath(new URL("./wire.golden.txt", import.meta.url));

function goldenLines(): string[] {
  const lines: string[] = [];
  const add = (title: string, bytes: Uint8Array): number => lines.push(`${title} ${bytes.toHex()}`);
  for (const [type, message] of Object.entries(messageExamples)) add(type, encodeFrame([message])[0]!);
  operationExamples.forEach((op, at) => add(`operation.${at}.${op.type}`, encodeOperation(op)));
  add("state", encodeState(stateExample));
  for (const record of recordExamples) add(`record.${record.type}`, encodeRecord(record));
  return lines;
}

if (process.env["UPDATE"] === "1") writeFileSync(PATH, `${goldenLines().join("\n")}\n`);
const golden = readFileSync(PATH, "utf8").trimEnd().split("\n");
const hexByTitle = new Map(golden.map((line) => line.split(" ") as [string, string]));
const goldenBytes = (title: string): Uint8Array => Uint8Array.fromHex(hexByTitle.get(title)!);

/** The compiler asks for each kind here, the test below for its example. */
const OPERATION_TYPES: Readonly<Record<Operation["type"], true>> = {
  ...{ noop: true, submit: true, lease: true, settle: true, condemn: true, revert: true, purge: true },
  ...{ command: true, expire: true, alive: true },
};
const RECORD_TYPES: Readonly<Record<PersistRecord["type"], true>> = {
  ...{ founding: true, roster: true, vote: true, promise: true, append: true, snapshot: true },
  ...{ compact: true, install: true, seal: true, retire: true },
};

test("every kind of operation and record has an example", () => {
  const typesOf = (examples: readonly { readonly type: string }[]): readonly string[] =>
    [...new Set(examples.map(({ type }) => type))].sort();
  expect(typesOf(operationExamples)).toEqual(Object.keys(OPERATION_TYPES).sort());
  expect(typesOf(recordExamples)).toEqual(Object.keys(RECORD_TYPES).sort());
});

test("every message, operation, state and record has the bytes of wire.golden.txt", () => {
  expect(goldenLines()).toEqual(golden);
});

test("the bytes of wire.golden.txt decode to the examples", () => {
  for (const [type, message] of Object.entries(messageExamples)) {
    expect(plain(decodeFrame(goldenBytes(type)))).toEqual(plain([message]));
  }
  operationExamples.forEach((op, at) => {
    expect(decodeOperation(goldenBytes(`operation.${at}.${op.type}`))).toEqual(op);
  });
  expect(decodeState(goldenBytes("state"))).toEqual(stateExample);
  for (const record of recordExamples) {
    expect(plain(decodeRecord(goldenBytes(`record.${record.type}`)))).toEqual(plain(record));
  }
});

test("one frame carries one of each, in order", () => {
  const all = Object.values(messageExamples);
  const frames = encodeFrame(all);
  expect(frames.length).toBe(1);
  expect(plain(decodeFrame(frames[0]!))).toEqual(plain(all));
});
