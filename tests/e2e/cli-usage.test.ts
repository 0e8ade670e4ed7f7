/** What `stolos` answers to bad usage: a message that names the mistake, and its exit code. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stolos } from "../support/cluster.ts";
import { RUNTIMES, runtimesOf } from "../support/runtimes.ts";

const NAMED = ["--namespace", "usage"];
const NOWHERE = ["--join", "/ip4/127.0.0.1/tcp/1", "--timeout", "500ms"];

/** A directory whose state is not what was written there. */
const DAMAGED = mkdtempSync(join(tmpdir(), "stolos-usage-"));
mkdirSync(join(DAMAGED, "state"));
writeFileSync(join(DAMAGED, "state", "stolos.mark"), "commits many");
afterAll(() => rmSync(DAMAGED, { recursive: true, force: true }));

const CASES: readonly { readonly args: readonly string[]; readonly code: number; readonly says: string }[] = [
  { args: ["frobnicate"], code: 1, says: 'unknown command "frobnicate"; "stolos --help" lists the commands' },
  { args: ["tasklist"], code: 1, says: 'unknown command "tasklist"' },
  { args: ["taks"], code: 1, says: 'is it "stolos tasks"?' },
  { args: ["--frobnicate"], code: 1, says: 'unknown option "--frobnicate"' },
  { args: ["tasks", "--frobnicate"], code: 1, says: "unknown option --frobnicate" },
  { args: ["tasks", "--state", "lost"], code: 1, says: "Cannot read --state: must be one of pending" },
  { args: ["task"], code: 1, says: "ID is missing" },
  { args: ["nodes", "x"], code: 1, says: 'unexpected argument "x"' },
  { args: ["init", "a", "b"], code: 1, says: 'unexpected argument "b"' },
  { args: ["init", "--name", "A b"], code: 1, says: "--name a-b would do" },
  { args: ["ring", "x"], code: 1, says: 'unexpected argument "x"' },
  { args: ["watch", "x"], code: 1, says: 'unexpected argument "x"' },
  { args: ["freeze"], code: 1, says: 'Cannot run "stolos freeze": NODE is missing' },
  { args: ["unfreeze", "a", "b"], code: 1, says: 'unexpected argument "b"' },
  { args: ["balance", "--now", "a"], code: 1, says: "unknown option --now" },
  { args: ["drain"], code: 1, says: "NODE is missing" },
  { args: ["submit"], code: 1, says: "needs either -- CMD" },
  { args: ["submit", "ls"], code: 1, says: "put -- before the command" },
  { args: ["submit", "--input", "{"], code: 1, says: "Cannot read --input" },
  { args: ["submit", "--retry", "-1", "--", "ls"], code: 1, says: "retry" },
  { args: ["submit", "--delay", "5", "--", "ls"], code: 1, says: "needs a duration" },
  {
    args: ["peer", ...NAMED, "--secret-file", "/none"],
    code: 1,
    says: "Cannot use --secret-file /none: ENOENT",
  },
  { args: ["peer", ...NAMED, "--listen", "/ip4/0.0.0.0/tcp/0"], code: 1, says: "so it needs a secret" },
  {
    args: ["nodes", ...NAMED, "--secret-file", "/none"],
    code: 1,
    says: "Cannot use --secret-file /none: ENOENT",
  },
  { args: ["peer", ...NAMED, "--expect", "none"], code: 1, says: "Cannot read --expect" },
  { args: ["peer", ...NAMED, "--lease-ttl", "0"], code: 1, says: "leaseTtlMs" },
  { args: ["peer", ...NAMED, "--replication", "0"], code: 1, says: "Cannot read --replication" },
  { args: ["peer", ...NAMED, "--evict-after", "soon"], code: 1, says: "Cannot read --evict-after" },
  { args: ["peer", ...NAMED, "--evict-after", "7s"], code: 1, says: "evictAfterMs" },
  { args: ["peer", ...NAMED, "--listen", "localhost:80"], code: 1, says: "localhost:80" },
  { args: ["peer", ...NAMED, "--handlers", "nowhere.ts"], code: 1, says: "there is no such file" },
  { args: ["peer", ...NAMED, "--data", "package.json/x"], code: 1, says: "Cannot use --data package.json/x" },
  { args: ["peer", ...NAMED, "--data", DAMAGED], code: 1, says: "stolos.mark is damaged" },
  ...[["peer"], ["nodes"], ["submit", "--", "ls"], ["drain", "a"]].map((args) => ({
    ...{ args, code: 1 },
    says: "give --namespace or --join, or set STOLOS_NAMESPACE or STOLOS_JOIN\n",
  })),
  { args: ["nodes", ...NOWHERE], code: 2, says: "Cannot connect" },
  { args: ["ring", ...NOWHERE], code: 2, says: "Cannot connect" },
  { args: ["watch", ...NOWHERE], code: 2, says: "Cannot connect" },
  { args: ["freeze", ...NOWHERE, "a"], code: 2, says: "Cannot connect" },
  { args: ["submit", ...NOWHERE, "--", "true"], code: 2, says: "Cannot connect" },
];

const COMMANDS = [
  ...["peer", "submit", "tasks", "task", "nodes", "ring", "watch"],
  ...["freeze", "unfreeze", "balance", "drain", "leave", "init"],
];

for (const runtime of RUNTIMES) {
  const isOurs = (_: unknown, no: number): boolean => runtimesOf(no).includes(runtime);

  test(`${runtime}: every mistake of its turn has its message and exit code`, async () => {
    for (const { args, code, says } of CASES.filter(isOurs)) {
      const result = await stolos(runtime, args);
      expect({ args, code: result.code, stdout: result.stdout }).toEqual({ args, code, stdout: "" });
      expect(result.stderr).toContain(says);
      expect(result.stderr).not.toContain("    at ");
    }
  });

  test(`${runtime}: help and version are answered on stdout`, async () => {
    expect((await stolos(runtime, ["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    for (const command of COMMANDS.filter(isOurs)) {
      const help = await stolos(runtime, [command, "--help"]);
      expect({ code: help.code, first: help.stdout.slice(0, 13 + command.length) }).toEqual({
        code: 0,
        first: `Usage: stolos ${command}`.slice(0, 13 + command.length),
      });
    }
  });
}
