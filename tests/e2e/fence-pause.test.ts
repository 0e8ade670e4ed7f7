/**
 * A peer is stopped (SIGSTOP) past its leases while its handlers are about to write, and goes on (SIGCONT)
 * when other attempts have written: what the late handlers write under their old fences is refused by the
 * real thing, whichever of the recipes it is.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient } from "../../mod.ts";
import type { Outcome, TaskInfo } from "../../mod.ts";
import { Cluster } from "../support/cluster.ts";
import { effect } from "../support/fence-handlers.ts";
import { missingFor, openPlace, type Place } from "../support/fence-places.ts";
import { connectTarget, type Kind } from "../support/fence-targets.ts";
import { valueOf } from "../support/fence-value.ts";
import { eventually } from "../support/drill.ts";

const KINDS: readonly Kind[] = [
  "sqlite-row",
  "sqlite-transaction",
  "postgres-row",
  "postgres-transaction",
  "redis",
  "file",
  "http",
];
const HANDLERS = ["--handlers", join(import.meta.dirname, "../support/fence-handlers.ts")];
const idOf = (kind: Kind): string => `effect-${kind}`;

interface Note {
  readonly node: string;
  readonly id: string;
  readonly fence: bigint;
  readonly what: string;
}

/** What came of the task of one recipe. */
interface Seen {
  readonly notes: readonly Note[];
  readonly outcome: Outcome<string>;
  readonly info: TaskInfo;
  readonly stands: string | null;
  readonly accepted: readonly bigint[];
}

const seen = new Map<Kind, Seen>();
const places: Place[] = [];
const directory = mkdtempSync(join(tmpdir(), "stolos-fence-pause-"));

beforeAll(async () => {
  for (const kind of KINDS) if (missingFor(kind) === null) places.push(await openPlace(kind));
  const watches = await Promise.all(places.map((place) => place.watch(idOf(place.kind))));
  await using cluster = clusterOf(places);
  // the keepers have no handler: every task runs on the old peer, then on the new one
  const old = await cluster.add("node", { name: "old", args: HANDLERS });
  await old.addresses();
  const keepers = [await cluster.add("bun", { name: "keeper-1" })];
  keepers.push(await cluster.add("bun", { name: "keeper-2" }));
  await Promise.all(cluster.peers.map((peer) => peer.ready()));
  await using client = await connectClient({
    namespace: cluster.namespace,
    join: [...await keepers[0]!.addresses()],
    mdns: false,
  });
  const items = places.map(({ kind }) => ({ id: idOf(kind), input: { kind } }));
  const handles = await client.submitMany(effect, items);
  await waitFor("all have started", () => places.every(({ kind }) => noted(kind, "old", "started")));
  await (await cluster.add("node", { name: "new", args: HANDLERS })).ready();

  old.signal("SIGSTOP");
  const outcomes = await Promise.all(
    handles.map((handle) => handle.done({ signal: AbortSignal.timeout(60_000) })),
  );
  writeFileSync(join(directory, "go"), "");
  old.signal("SIGCONT");
  await waitFor("the late ones have written", () => places.every(({ kind }) => noted(kind, "old")));
  for (const [at, place] of places.entries()) {
    const id = idOf(place.kind);
    await using target = connectTarget(place.kind, place.address);
    // the stopped peer knows that its attempt is over
    await old.event(({ event, task }) => event === "task:lost" && task === id);
    seen.set(place.kind, {
      notes: notes().filter((note) => note.id === id),
      outcome: outcomes[at] as Outcome<string>,
      info: (await client.get(id))!,
      stands: await target.read(id),
      accepted: await watches[at]!(),
    });
  }
});

afterAll(async () => {
  await Promise.all(places.map((place) => place[Symbol.asyncDispose]()));
  rmSync(directory, { recursive: true, force: true });
});

for (const kind of KINDS) {
  const missing = missingFor(kind);
  const why = missing === null ? "" : ` (skipped: ${missing})`;
  test.skipIf(missing !== null)(
    `${kind}: what a stopped peer writes late is refused, one effect stands${why}`,
    () => {
      const { notes, outcome, info, stands, accepted } = seen.get(kind)!;
      const [late, next] = ["old", "new"].map((node) => notes.find((note) => note.node === node)!);
      expect(late!.fence).toBeLessThan(next!.fence);
      expect(notes.map(({ node, what }) => `${node} ${what}`)).toEqual([
        "old started",
        "new started",
        "new written",
        "old refused",
      ]);
      expect(outcome).toEqual({ state: "completed", result: "written" });
      expect(info.fence).toBe(String(next!.fence));
      expect(stands).toBe(valueOf(next!.fence));
      expect(accepted).toEqual([next!.fence]);
    },
  );
}

function notes(): Note[] {
  const path = join(directory, "notes");
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  return lines.map((line) => {
    const [node = "", id = "", fence = "", what = ""] = line.split(" ");
    return { node, id, fence: BigInt(fence), what };
  });
}

/** Without `what`: anything that a write comes to. */
function noted(kind: Kind, node: string, what?: string): boolean {
  return notes().some((note) =>
    note.id === idOf(kind) && note.node === node &&
    (what === undefined ? note.what !== "started" : note.what === what)
  );
}

async function waitFor(what: string, isTrue: () => boolean): Promise<void> {
  if (!await eventually(isTrue)) {
    throw new Error(`Cannot go on: not in time that ${what}, got\n${notes()}`);
  }
}

function clusterOf(places: readonly Place[]): Cluster {
  return new Cluster({
    namespace: `fence-pause-${process.pid}`,
    runtimes: ["node", "bun", "bun"],
    args: ["--lease-ttl", "2s"],
    env: {
      FENCE_NOTES: directory,
      FENCE_PLACES: JSON.stringify(Object.fromEntries(places.map(({ kind, address }) => [kind, address]))),
    },
  });
}
