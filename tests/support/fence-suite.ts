/** What every fence recipe must do, on the real thing: writers of three runtimes against one place. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { missingFor, openPlace, type Place } from "./fence-places.ts";
import { connectTarget, type Kind, type Target, type Verdict } from "./fence-targets.ts";
import { valueOf } from "./fence-value.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const FENCES_EACH = 40;

interface Tried {
  readonly place: Place;
  readonly target: Target;
  /** Both forms of one recipe write to one database: a key of this suite and recipe. */
  keyOf(name: string): string;
}

const claims: Readonly<Record<string, (tried: Tried) => Promise<void>>> = {
  "a writer with an old fence is refused and leaves nothing": async ({ place, target, keyOf }) => {
    // as texts 9 is above 10; beyond 2^53 a double does not distinguish neighbours
    for (const [older, newer] of [[9n, 10n], [2n ** 53n, 2n ** 53n + 1n]] as const) {
      const key = keyOf(`late-${older}`);
      const readAccepted = await place.watch(key);
      expect(await target.write({ key, fence: newer, value: valueOf(newer) })).toBe("written");
      expect(await target.write({ key, fence: older, value: "late" })).toBe("refused");
      expect(await target.read(key)).toBe(valueOf(newer));
      expect(await readAccepted()).toEqual([newer]);
    }
  },

  "a second write under one fence does nothing": async ({ place, target, keyOf }) => {
    const key = keyOf("again");
    const readAccepted = await place.watch(key);
    expect(await target.write({ key, fence: 7n, value: valueOf(7n) })).toBe("written");
    expect(await target.write({ key, fence: 7n, value: "another value" })).toBe("repeated");
    expect(await target.read(key)).toBe(valueOf(7n));
    expect(await readAccepted()).toEqual([7n]);
  },

  "of one fence presented many times at once, one writes": async ({ place, target, keyOf }) => {
    await using other = connectTarget(place.kind, place.address);
    const write = { key: keyOf("same"), fence: 3n, value: valueOf(3n) };
    const writes = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? target : other).write(write));
    const verdicts = await Promise.all(writes);
    expect(verdicts.filter((verdict) => verdict === "written")).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === "repeated")).toHaveLength(19);
  },

  "fences of one key do not concern another": async ({ target, keyOf }) => {
    const [one, other] = [keyOf("one"), keyOf("other")];
    expect(await target.write({ key: one, fence: 100n, value: valueOf(100n) })).toBe("written");
    expect(await target.write({ key: other, fence: 1n, value: valueOf(1n) })).toBe("written");
    expect(await target.read(one)).toBe(valueOf(100n));
  },

  "of many writers in three processes the highest stands, and what was accepted only grew": async (
    { place, target, keyOf },
  ) => {
    const key = keyOf("many");
    const readAccepted = await place.watch(key);
    const verdicts = await race(place, key);
    const accepted = await readAccepted();
    const last = BigInt(RUNTIMES.length * FENCES_EACH);
    expect(await target.read(key)).toBe(valueOf(last));
    expect(accepted.at(-1)).toBe(last);
    expect(accepted).toEqual(sorted(new Set(accepted)));
    expect(verdicts.size).toBe(Number(last));
    expect(verdicts.get(last)).toBe("written");
    expect([...verdicts.values()]).not.toContain("repeated");
    // a reader of files does not see all that stood, the others keep a whole history
    const written = [...verdicts].filter(([, verdict]) => verdict === "written").map(([fence]) => fence);
    if (place.kind !== "file") expect(sorted(written)).toEqual([...accepted]);
  },
};

export function fenceSuite(kind: Kind): void {
  const missing = missingFor(kind);
  const why = missing === null ? "" : ` (skipped: ${missing})`;
  let tried: Tried;
  // outside of the group: all places are there until the last group is done, and share what they can
  if (missing === null) {
    beforeAll(async () => {
      const place = await openPlace(kind);
      const keyOf = (name: string): string => `${kind}-${name}`;
      tried = { place, target: connectTarget(kind, place.address), keyOf };
    });
    afterAll(async () => {
      await tried.target[Symbol.asyncDispose]();
      await tried.place[Symbol.asyncDispose]();
    });
  }
  describe(kind, () => {
    for (const [claim, holds] of Object.entries(claims)) {
      test.skipIf(missing !== null)(claim + why, () => holds(tried));
    }
  });
}

function sorted(fences: Iterable<bigint>): bigint[] {
  return [...fences].sort((a, b) => a < b ? -1 : 1);
}

/** One process for each runtime, all fences dealt and shuffled, all at once. */
async function race(place: Place, key: string): Promise<Map<bigint, Verdict>> {
  const fences = shuffled(RUNTIMES.length * FENCES_EACH);
  const writers = RUNTIMES.map((runtime, at) => {
    const own = fences.filter((_, index) => index % RUNTIMES.length === at).map(String);
    return new Writer(runtime, [place.kind, place.address, key, ...own]);
  });
  try {
    await Promise.all(writers.map((writer) => writer.line()));
    for (const writer of writers) writer.go();
    const lines = await Promise.all(writers.map((writer) => writer.line()));
    const entries = lines.flatMap((line) => JSON.parse(line) as [string, Verdict][]);
    return new Map(entries.map(([fence, verdict]) => [BigInt(fence), verdict]));
  } finally {
    for (const writer of writers) writer.end();
  }
}

class Writer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #iterator: AsyncIterator<string>;

  constructor(runtime: Runtime, args: readonly string[]) {
    const [command = "", ...rest] = commandOn(runtime, "tests/support/fence-writer.ts", args);
    this.#child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#iterator = this.#lines[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#iterator.next();
    if (done) throw new Error("Cannot go on: the writer has ended");
    return value;
  }

  go(): void {
    this.#child.stdin!.write("go\n");
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

/** 1 to `count`, in one order that is not theirs. */
function shuffled(count: number): bigint[] {
  const left = Array.from({ length: count }, (_, at) => BigInt(at + 1));
  let seed = 42;
  return left.map((_, at) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    const from = at + seed % (count - at);
    [left[at], left[from]] = [left[from]!, left[at]!];
    return left[at]!;
  });
}
