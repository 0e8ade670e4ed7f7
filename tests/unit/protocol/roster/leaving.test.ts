/** Members that leave for good: the patient go one after another, and not while somebody is missing. */
import { expect, test } from "bun:test";
import { engineOptions } from "../../../../src/coordinator/settings.ts";
import { nodeSettings } from "../../../../src/node/options.ts";
import { Engine } from "../../../../src/protocol/engine.ts";
import type { Input } from "../../../../src/protocol/model/contract.ts";
import type { Roster } from "../../../../src/protocol/model/types.ts";
import { memoryStore } from "../../../../src/store/memory-store.ts";

const NAMES = ["a", "b", "c", "d", "e"];

/** Five engines that hear each other at once; who has left stays silent. */
class Bench {
  readonly engines: Map<string, Engine> = new Map();
  readonly left: string[] = [];
  /** Every roster that `a` had. */
  readonly rosters: Roster[] = [];
  readonly #inbox: Map<string, Input[]> = new Map();
  #nowMs = 0;

  constructor() {
    for (const id of NAMES) {
      const settings = nodeSettings({ name: id, partitions: 8, expect: NAMES.length });
      const options = engineOptions(id, settings, memoryStore());
      this.engines.set(id, new Engine({ ...options, nonce: "n", seed: this.engines.size + 1 }));
      this.#inbox.set(id, []);
    }
    for (const node of NAMES) {
      for (const peer of NAMES) {
        const candidate = { name: peer, labels: {}, witness: false, expect: NAMES.length };
        if (node !== peer) this.push(node, { type: "peer", node: peer, up: true, candidate });
      }
    }
    this.run(6000);
  }

  push(id: string, input: Input): void {
    this.#inbox.get(id)?.push(input);
  }

  stop(id: string): void {
    this.engines.delete(id);
    for (const other of this.engines.keys()) this.push(other, { type: "peer", node: id, up: false });
  }

  run(forMs: number): void {
    for (const endMs = this.#nowMs + forMs; this.#nowMs < endMs; this.#nowMs += 20) {
      for (const [id, engine] of this.engines) {
        const inputs = this.#inbox.get(id)!.splice(0);
        const clock = { monoMs: this.#nowMs, leaseMs: this.#nowMs, wallMs: 1e12 + this.#nowMs };
        for (const effect of engine.step(inputs, clock)) {
          if (effect.type === "event" && effect.event.type === "left") {
            this.left.push(id);
            this.stop(id);
          } else if (effect.type === "event" && effect.event.type === "roster" && id === "a") {
            this.rosters.push(effect.event.roster);
          } else if (effect.type === "send") {
            for (const message of effect.messages) {
              if (this.engines.has(effect.to)) this.push(effect.to, { type: "message", from: id, message });
            }
          }
        }
      }
    }
  }

  get members(): string[] {
    return this.engines.get("a")!.roster!.members.map(({ id }) => id);
  }
}

test("of two that leave at once one goes after the other, each when all its partitions have moved", () => {
  const bench = new Bench();
  for (const id of ["d", "e"]) bench.push(id, { type: "leave", isPatient: true });
  bench.run(20_000);
  expect(bench.members).toEqual(["a", "b", "c"]);
  expect(bench.left.toSorted()).toEqual(["d", "e"]);
  for (const { members } of bench.rosters) {
    expect(members.filter(({ leaving }) => leaving).length).toBeLessThan(2);
  }
  expect(bench.engines.get("a")!.status().healths.every(({ absent }) => absent.length === 0)).toBe(true);
});

test("those in a hurry go together", () => {
  const bench = new Bench();
  for (const id of ["d", "e"]) bench.push(id, { type: "leave", isPatient: false });
  bench.run(20_000);
  expect(bench.members).toEqual(["a", "b", "c"]);
  const most = Math.max(
    ...bench.rosters.map(({ members }) => members.filter(({ leaving }) => leaving).length),
  );
  expect(most).toBe(2);
});

test("nobody goes while another is missing, until that one is put out", () => {
  const bench = new Bench();
  bench.stop("e");
  bench.run(4000);
  bench.push("d", { type: "leave", isPatient: true });
  bench.run(15_000);
  expect(bench.members).toEqual(NAMES);
  bench.run(40_000);
  expect(bench.members).toEqual(["a", "b", "c"]);
  expect(bench.left).toEqual(["d"]);
});

test("asked again it changes nothing, and who is in a hurry later does not wait for its turn", () => {
  const bench = new Bench();
  for (const id of ["d", "e", "d"]) bench.push(id, { type: "leave", isPatient: true });
  bench.push("e", { type: "leave", isPatient: false });
  bench.push("e", { type: "leave", isPatient: true });
  bench.run(4000);
  expect(bench.left[0]).toBe("e");
  bench.run(20_000);
  expect(bench.left).toEqual(["e", "d"]);
});
