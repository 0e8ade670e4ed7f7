/** Commands of a peer that is process 1 of its PID namespace, as in a container without an init. */
import { expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOn } from "../../examples/demo/peer-process.ts";

const UNSHARE = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const hasNamespaces = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;

interface Line {
  readonly end: { readonly type: string; readonly code: number; readonly stopped: boolean };
  readonly ms: number;
  readonly zombies: number;
}

/** Orphans that end before the command does, and with it; nobody waits for any of them. */
const SCRIPTS = [
  "for i in 1 2 3 4 5; do (sleep 0.01 &); done; sleep 0.2; exit 3",
  "(sleep 0.1 &); exec sleep 0.1",
  "(exec sleep 30 &); exit 4",
];

for (const runtime of ["node", "bun", "deno"] as const) {
  test.skipIf(!hasNamespaces)(`${runtime}: as process 1, zombies delay the end of no command`, () => {
    const directory = mkdtempSync(join(tmpdir(), "stolos-pid1-"));
    try {
      const peer = commandOn(runtime, "tests/support/zombie-peer.ts", [directory, ...SCRIPTS]);
      const said = execFileSync("unshare", [...UNSHARE, ...peer], { encoding: "utf8", timeout: 120_000 });
      const [, ...lines] = said.trim().split("\n").map((line) => JSON.parse(line) as Line);
      expect(lines.map(({ end }) => end.code)).toEqual([3, 0, 4]);
      expect(lines.at(-1)?.zombies).toBeGreaterThan(0);
      expect(lines.map(({ ms }) => ms < 900)).toEqual([true, true, true]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
