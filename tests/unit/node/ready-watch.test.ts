/** Waiting for a node to be ready: it ends by time-out, signal or stop, and what it waits for is said. */
import { expect, test } from "bun:test";
import { NoQuorumError, StoppedError } from "../../../src/base/errors.ts";
import { ReadyWatch } from "../../../src/node/ready-watch.ts";
import { lookoutOf, notReadyReason } from "../../../src/node/stats.ts";
import { clusterHealth } from "../../../src/coordinator/cluster-health.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";

function setUp() {
  const environment = new FakeEnvironment();
  const stopping = new AbortController();
  const state = { why: "1 of 3 are here" as string | null };
  const said: string[] = [];
  const watch = new ReadyWatch({
    environment,
    stopped: stopping.signal,
    whyNot: () => state.why,
    onWaiting: (reason) => said.push(reason),
  });
  const pass = (ms: number): void => {
    for (const endMs = environment.nowMs + ms; environment.nowMs < endMs;) {
      environment.advance(500);
      watch.look(false);
    }
  };
  return { environment, stopping, state, said, watch, pass };
}

test("it resolves at the first look at which nothing is in the way, or at once", async () => {
  const { state, watch } = setUp();
  let isReady = false;
  const waiting = watch.wait({}).then(() => isReady = true);
  watch.look(false);
  await Promise.resolve();
  expect(isReady).toBe(false);
  state.why = null;
  watch.look(false);
  await waiting;
  await watch.wait({});
});

test("a time-out says what it waited for", async () => {
  const { environment, watch } = setUp();
  const waiting = watch.wait({ timeoutMs: 3000 });
  environment.advance(3000);
  const error = await waiting.catch((each) => each);
  expect(error).toBeInstanceOf(NoQuorumError);
  expect(error.message).toBe(
    "Cannot wait for the node to be ready for longer than 3000 ms: 1 of 3 are here",
  );
});

test("a signal and the node's stop end it", async () => {
  const { stopping, watch } = setUp();
  const given = new AbortController();
  const first = watch.wait({ signal: given.signal });
  const second = watch.wait({});
  given.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  stopping.abort();
  await expect(second).rejects.toThrow(StoppedError);
  await expect(watch.wait({})).rejects.toThrow(StoppedError);
  await expect(watch.wait({ timeout: 3 } as never)).rejects.toThrow('did you mean "timeoutMs"?');
});

test("what it waits for is said after 5 s, again when it changes, and else once a minute", () => {
  const { state, said, pass } = setUp();
  pass(4500);
  expect(said).toEqual([]);
  pass(500);
  expect(said).toEqual(["1 of 3 are here"]);
  state.why = "2 of 3 are here";
  pass(1000);
  expect(said).toHaveLength(1);
  pass(4000);
  expect(said).toEqual(["1 of 3 are here", "2 of 3 are here"]);
  pass(59_000);
  expect(said).toHaveLength(2);
  pass(1000);
  expect(said).toHaveLength(3);
});

test("nothing is said once it was ready, until it is not for as long again, nor while it goes", () => {
  const { environment, state, said, watch, pass } = setUp();
  state.why = null;
  pass(10_000);
  state.why = "one more loss would cost";
  pass(5000);
  expect(said).toEqual([]);
  pass(500);
  expect(said).toEqual(["one more loss would cost"]);
  environment.advance(120_000);
  watch.look(true);
  expect(said).toHaveLength(1);
});

const health = clusterHealth({ groups: [], members: [], stateOf: () => "up" });

test("a reason names where it looks, while it is in no cluster", () => {
  const lookout = lookoutOf({ join: ["/dns4/a/tcp/1"], mdns: true, namespace: "n" });
  expect(lookout).toBe('looking at /dns4/a/tcp/1, by mDNS in namespace "n"');
  const asks = { state: "starting", hasQuorum: false, isStoreWell: true, outside: "1 of 3", health } as const;
  expect(notReadyReason({ ...asks, lookout })).toBe(`the node is in no cluster yet: 1 of 3; ${lookout}`);
  expect(notReadyReason({ ...asks, lookout: "" })).toBe("the node is in no cluster yet: 1 of 3");
});

test("a node with a quorum is not ready while one more loss would cost another", () => {
  const groups = [{ p: 0, keepers: [1, 2, 3], absent: [3], spare: 0 }];
  const member = { no: 3, id: "c", name: "c", labels: {}, witness: false, leaving: false };
  const at = (spare: number): string | null =>
    notReadyReason({
      ...{ state: "ready", hasQuorum: true, isStoreWell: true, outside: null, lookout: "" },
      health: clusterHealth({
        groups: groups.map((group) => ({ ...group, spare })),
        members: [member],
        stateOf: () => "down",
      }),
    });
  expect(at(0)).toBe("one more loss would cost 1 of 1 partitions their quorum: c (down) does not serve");
  // of five keepers, one down
  expect(at(1)).toBe(null);
});
