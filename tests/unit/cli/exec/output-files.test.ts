/** Claims about the names of output files: safe, and readable back. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  fileNameOfId,
  idOfFileName,
  outputFiles,
  outputHeader,
} from "../../../../src/cli/exec/output-names.ts";

test("a plain id is its own file name", () => {
  expect(outputFiles("/data", "nightly-7")).toEqual({
    out: "/data/nightly-7.out",
    err: "/data/nightly-7.err",
  });
});

test("an id cannot leave the directory, hide, or end a C string", () => {
  expect(fileNameOfId("../../etc/passwd")).toBe("%2E.%2F..%2Fetc%2Fpasswd");
  expect(fileNameOfId(".")).toBe("%2E");
  expect(fileNameOfId("a\0b")).toBe("a%00b");
  expect(fileNameOfId("é")).toBe("%C3%A9");
});

test("every name that was not cut gives its id back, and different ids have different names", () => {
  const ids = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(fc.property(ids, ids, (a, b) => {
    const name = fileNameOfId(a);
    const back = idOfFileName(name);
    expect(back === undefined || back === a).toBe(true);
    expect(name).toMatch(/^[A-Za-z0-9_@+=,%~-][A-Za-z0-9_@+=,.%~-]*$/);
    expect(name === fileNameOfId(b)).toBe(a === b);
  }));
});

test("a name never grows beyond what file systems take, and stays unique", () => {
  const long = "é".repeat(128);
  expect(fileNameOfId(long).length).toBe(200);
  expect(fileNameOfId(long)).not.toBe(fileNameOfId(`${long.slice(0, -1)}e`));
  expect(idOfFileName(fileNameOfId(long))).toBeUndefined();
});

test("the header names attempt, fence, node and time", () => {
  expect(outputHeader({ attempt: 2, fence: 17n, node: "a", at: new Date(0) })).toBe(
    "=== attempt 2 fence 17 node a 1970-01-01T00:00:00.000Z",
  );
});
