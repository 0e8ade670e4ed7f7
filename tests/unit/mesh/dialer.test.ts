/** When whom is dialled, on virtual time: how often at most, how soon after a sign of life, and where. */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Dialer, type Reached } from "../../../src/mesh/dialer.ts";

const STEP_MS = 50;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Time passes, and what it sets off happens. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    jest.advanceTimersByTime(STEP_MS);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

class FakePort {
  readonly self = "m";
  readonly dials: { readonly atMs: number; readonly addresses: readonly string[] }[] = [];
  readonly connected = new Set<string>();
  /** What becomes of a dial; fails at once unless a test says otherwise. */
  answer: (addresses: readonly string[]) => Promise<Reached> = () => Promise.reject(new Error("nobody"));

  dial(addresses: readonly string[]): Promise<Reached> {
    this.dials.push({ atMs: performance.now(), addresses });
    return this.answer(addresses);
  }

  isConnected(id: string): boolean {
    return this.connected.has(id);
  }

  failed(): void {}

  get gapsMs(): number[] {
    return this.dials.slice(1).map(({ atMs }, at) => atMs - this.dials[at]!.atMs);
  }
}

const late = (ms: number): Promise<Reached> =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("late")), ms));

/** "z" is dialled at once, "a" politely later: of two ends one should come first. */
async function failing(id: string): Promise<{ port: FakePort; dialer: Dialer }> {
  const port = new FakePort();
  const dialer = new Dialer(port);
  dialer.learn(id, [`/ip4/10.0.0.1/tcp/1/p2p/${id}`]);
  await pass(60_000);
  return { port, dialer };
}

for (const dialMs of [0, 2000]) {
  test(`who does not answer is dialled every 2 to 3 s, when a dial takes ${dialMs} ms`, async () => {
    const port = new FakePort();
    port.answer = () => late(dialMs);
    const dialer = new Dialer(port);
    dialer.join("/ip4/10.0.0.1/tcp/1");
    await pass(60_000);
    const settled = port.gapsMs.slice(6);
    expect(settled.length).toBeGreaterThan(10);
    expect(Math.max(...settled)).toBeLessThanOrEqual(3000 + 2 * STEP_MS);
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(2200);
    dialer.stop();
  });
}

for (const [id, withinMs] of [["z", 1000], ["a", 1000]] as const) {
  test(`a sign of life of ${id} has it dialled within a second`, async () => {
    const { port, dialer } = await failing(id);
    // right after a dial that failed is the worst moment
    const count = port.dials.length;
    while (port.dials.length === count) await pass(STEP_MS);
    dialer.heard(id);
    await pass(withinMs + STEP_MS);
    expect(port.dials.length).toBe(count + 2);
    dialer.stop();
  });
}

test("signs of life that come all the time have it dialled once a second", async () => {
  const { port, dialer } = await failing("z");
  const count = port.dials.length;
  for (let sign = 0; sign < 200; sign++) {
    dialer.heard("z");
    await pass(STEP_MS);
  }
  expect(port.dials.length - count).toBeGreaterThanOrEqual(9);
  expect(port.dials.length - count).toBeLessThanOrEqual(11);
  dialer.stop();
});

test("a sign of life during a dial that hangs has another follow it at once", async () => {
  const { port, dialer } = await failing("z");
  port.answer = () => late(2000);
  const count = port.dials.length;
  while (port.dials.length === count) await pass(STEP_MS);
  dialer.heard("z");
  await pass(2000 + 200 + 2 * STEP_MS);
  expect(port.dials.length).toBe(count + 2);
  dialer.stop();
});

test("there is one dial to a peer at a time, whatever number of ways to it is known", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  const ways = ["/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1"];
  let [running, most] = [0, 0];
  port.answer = async ([address = ""]) => {
    if (performance.now() - startMs < 1000) return { id: "z", address };
    most = Math.max(most, ++running);
    return await late(2000).finally(() => running--);
  };
  const startMs = performance.now();
  for (const way of ways) dialer.join(way);
  await pass(2000);
  dialer.learn("z", ["/ip4/10.0.0.1/tcp/1/p2p/z"]);
  const before = port.dials.length;
  await pass(60_000);
  expect(most).toBe(1);
  const dialled = port.dials.slice(before).map(({ addresses }) => addresses[0]);
  for (const way of [...ways, "/ip4/10.0.0.1/tcp/1/p2p/z"]) {
    expect(dialled.filter((address) => address === way).length).toBeGreaterThan(5);
  }
  dialer.stop();
});

test("a sign of life of one that was refused changes nothing", async () => {
  const { port, dialer } = await failing("z");
  dialer.refused("z");
  const count = port.dials.length;
  for (let sign = 0; sign < 140; sign++) {
    dialer.heard("z");
    await pass(100);
  }
  expect(port.dials.length).toBe(count);
  await pass(2000);
  expect(port.dials.length).toBe(count + 1);
  dialer.stop();
});

test("a member that is silent for ten minutes is forgotten, one that is heard of is not", async () => {
  const { port, dialer } = await failing("z");
  await pass(7 * 60_000);
  dialer.heard("z");
  await pass(7 * 60_000);
  const count = port.dials.length;
  await pass(60_000);
  expect(port.dials.length).toBeGreaterThan(count);
  await pass(4 * 60_000);
  const last = port.dials.length;
  await pass(60_000);
  expect(port.dials.length).toBe(last);
  dialer.stop();
});

test("a dial tries where it was reached last, then another address each time", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  const addresses = [1, 2, 3, 4].map((no) => `/ip4/10.0.0.${no}/tcp/1/p2p/z`);
  port.answer = (tried) => {
    const good = tried.find((address) => address === addresses[2]);
    return good ? Promise.resolve({ id: "z", address: good }) : Promise.reject(new Error("nobody"));
  };
  dialer.learn("z", addresses);
  await pass(1000);
  expect(port.dials.map((dial) => dial.addresses)).toContainEqual([addresses[2]!, addresses[3]!]);
  port.answer = () => Promise.reject(new Error("nobody"));
  await pass(20_000);
  const tried = port.dials.slice(-3).map((dial) => dial.addresses);
  expect(tried.map(([first]) => first)).toEqual([addresses[2]!, addresses[2]!, addresses[2]!]);
  expect(new Set(tried.map(([, second]) => second))).toEqual(
    new Set([addresses[0]!, addresses[1]!, addresses[3]!]),
  );
  dialer.stop();
});

test("who was found on the local network is dialled once each time that it is found", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  for (let time = 1; time <= 3; time++) {
    dialer.found("z", ["/ip4/10.0.0.1/tcp/1"]);
    await pass(60_000);
    expect(port.dials.length).toBe(time);
  }
  dialer.learn("z", ["/ip4/10.0.0.1/tcp/1"]);
  await pass(60_000);
  expect(port.dials.length).toBeGreaterThan(20);
  dialer.stop();
});

test("whoever is made up by the thousand has few dialled, and members are dialled as ever", async () => {
  const { port, dialer } = await failing("z");
  const [before, startMs] = [port.dials.length, performance.now()];
  let [open, most] = [0, 0];
  port.answer = async () => {
    most = Math.max(most, ++open);
    return await late(8000).finally(() => open--);
  };
  for (let no = 0; no < 6000; no++) {
    dialer.found(`n${no}`, ["/ip4/10.0.0.9/tcp/1"]);
    if (no % 50 === 0) await pass(500);
  }
  const dials = port.dials.slice(before);
  const ofMember = dials.filter(({ addresses: [first = ""] }) => first.endsWith("/z"));
  const tookMs = performance.now() - startMs;
  expect(ofMember.length).toBeGreaterThanOrEqual(Math.floor(tookMs / 9000));
  expect(dials.length - ofMember.length).toBeGreaterThan(32);
  expect(dials.length - ofMember.length).toBeLessThanOrEqual(32 * (1 + tookMs / 8000));
  // the member's, too
  expect(most).toBe(33);
  port.answer = () => Promise.reject(new Error("nobody"));
  await pass(30_000);
  const settled = port.dials.length;
  await pass(60_000);
  const late60s = port.dials.slice(settled);
  expect(late60s.every(({ addresses: [first = ""] }) => first.endsWith("/z"))).toBe(true);
  dialer.stop();
});

test("each address of whoever was found is tried, and eight at most", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  const ways = Array.from({ length: 30 }, (_, no) => `/ip4/10.0.0.${no}/tcp/1`);
  for (const [count, dials] of [[5, 3], [30, 4]] as const) {
    port.dials.length = 0;
    dialer.found("z", ways.slice(0, count));
    await pass(60_000);
    const tried = new Set(port.dials.flatMap(({ addresses }) => addresses));
    expect([port.dials.length, tried]).toEqual([
      dials,
      new Set(ways.slice(0, Math.min(count, 8)).map((way) => `${way}/p2p/z`)),
    ]);
  }
  dialer.stop();
});

test("those that are made up and fail at once cost five dials a second", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  for (let no = 0; no < 6000; no++) {
    dialer.found(`n${no}`, ["/ip4/10.0.0.9/tcp/1"]);
    if (no % 50 === 0) await pass(500);
  }
  expect(port.dials.length).toBeGreaterThan(250);
  expect(port.dials.length).toBeLessThanOrEqual(32 + 60 * 5);
  dialer.stop();
});

test("lies about where a member is do not hide where it is", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  const address = "/ip4/10.0.0.1/tcp/1/p2p/z";
  port.answer = (tried) =>
    tried.includes(address) ? Promise.resolve({ id: "z", address }) : Promise.reject(new Error("nobody"));
  dialer.learn("z", [address, "/ip4/10.0.0.2/tcp/1/p2p/z"]);
  await pass(1000);
  for (let no = 0; no < 100; no++) {
    dialer.found("z", [`/ip4/10.0.1.${no}/tcp/1`, `/ip4/10.0.2.${no}/tcp/1`, `/ip4/10.0.3.${no}/tcp/1`]);
    await pass(300);
  }
  const firsts = port.dials.slice(1).map(({ addresses }) => addresses[0]);
  expect(firsts.length).toBeGreaterThan(20);
  expect(new Set(firsts)).toEqual(new Set([address]));
  // what is said of it may be true: it has moved
  expect(port.dials.at(-1)!.addresses[1]).toStartWith("/ip4/10.0.");
  dialer.stop();
});

test("the end of a connection that nobody reported is noticed", async () => {
  const port = new FakePort();
  const dialer = new Dialer(port);
  port.answer = ([address = ""]) => {
    port.connected.add("z");
    return Promise.resolve({ id: "z", address });
  };
  dialer.learn("z", ["/ip4/10.0.0.1/tcp/1/p2p/z"]);
  await pass(1000);
  dialer.check(port.connected);
  await pass(10_000);
  expect(port.dials.length).toBe(1);
  port.connected.clear();
  dialer.check(port.connected);
  await pass(1000);
  expect(port.dials.length).toBe(2);
  dialer.stop();
});
