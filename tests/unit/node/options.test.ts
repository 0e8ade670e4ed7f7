/** The options of a node. */
import { expect, test } from "bun:test";
import { type NodeOptions, nodeSettings } from "../../../src/node/options.ts";

// what a program without types may pass
const settings = (options: unknown): unknown => nodeSettings(options as NodeOptions);

test("an unknown option is named, with the closest known one", () => {
  expect(() => settings({ leaseTtl: 4000 })).toThrow(TypeError);
  expect(() => settings({ leaseTtl: 4000 })).toThrow(
    'Cannot create a node: there is no option "leaseTtl"; did you mean "leaseTtlMs"?',
  );
  expect(() => settings({ Capactiy: 4 })).toThrow('did you mean "capacity"?');
});

test("without a namespace nobody is looked for: the node founds alone and at once", () => {
  expect(nodeSettings({})).toMatchObject({ mdns: false, foundAfterMs: 0 });
  expect(nodeSettings({ namespace: "n" })).toMatchObject({ mdns: true, foundAfterMs: 1000 });
  expect(nodeSettings({ join: ["/dns4/a/tcp/1"] })).toMatchObject({ mdns: false, foundAfterMs: Infinity });
});

test("a lease must outlast three heartbeats", () => {
  expect(() => settings({ leaseTtlMs: 2000, heartbeatMs: 1000 })).toThrow(RangeError);
  expect(() => settings({ leaseTtlMs: 2000, heartbeatMs: 1000 })).toThrow(
    "Cannot create a node: leaseTtlMs must be >= 3 x heartbeatMs (1000), got 2000",
  );
});

test("bad values are named with what they must be and what they are", () => {
  const cases: [unknown, string][] = [
    [null, "options must be an object, got null"],
    [{ capacity: 0 }, "capacity must be an integer from 1 to 1000000, got 0"],
    [{ capacity: "5" }, 'capacity must be a number, got "5"'],
    [{ expect: 2.5 }, "expect must be an integer"],
    [{ namespace: "a/b" }, "namespace must be 1 to 64 of"],
    [{ name: "" }, "name must be a text that is not empty"],
    [{ name: "x".repeat(300) }, "name may have 256 bytes, got 300"],
    [{ listen: "/ip4/0.0.0.0/tcp/1" }, "listen must be an array of texts"],
    [{ join: [5] }, "join must be an array of texts, got [5]"],
    [{ labels: { zone: 1 } }, "labels must map names to texts"],
    [{ labels: ["a"] }, "labels must map names to texts"],
    [{ mdns: "yes" }, "mdns must be true or false"],
    [{ mdns: true }, "mdns needs a namespace"],
    [{ mdns: true, join: ["/dns4/a/tcp/1"] }, "mdns needs a namespace"],
    [{ marginMs: 3000 }, "marginMs must be <= leaseTtlMs / 2 (2000), got 3000"],
    [{ clockRateBound: 0.5 }, "clockRateBound must be from 0 to below 0.2, got 0.5"],
    [{ coordinator: "etcd" }, 'coordinator must be "mesh" or "embedded", got "etcd"'],
    [{ balancer: "fair" }, 'balancer must be a Balancer, as fairBalancer makes one, got "fair"'],
    [{ balancer: { balance: 7 } }, "balancer.balance must be a function, got 7"],
    [{ balanceEveryMs: 1 }, "balanceEveryMs must be an integer from 10 to 86400000, got 1"],
    [{ balancePaceMs: -1 }, "balancePaceMs must be an integer from 0"],
    [{ store: "state" }, 'store must be a Store, as sqliteStore makes one, got "state"'],
    [{ store: { open: 1 } }, "store must be a Store"],
    [{ partitions: 1e9 }, "partitions must be an integer from 1 to 4096"],
  ];
  for (const [options, message] of cases) expect(() => settings(options)).toThrow(message);
});

test("the defaults are those of the documentation", () => {
  expect(nodeSettings({})).toMatchObject({
    namespace: "stolos",
    listen: ["/ip4/127.0.0.1/tcp/0"],
    join: [],
    mdns: false,
    expect: 1,
    capacity: 100,
    witness: false,
    leaseTtlMs: 4000,
    heartbeatMs: 1000,
    marginMs: 1000,
    partitions: 128,
    replication: 3,
    clockRateBound: 0.01,
    coordinator: "mesh",
    drainTimeoutMs: 10_000,
  });
});

test("a witness has no capacity, and names differ between nodes", () => {
  expect(nodeSettings({ witness: true }).capacity).toBe(0);
  expect(nodeSettings({}).name).not.toBe(nodeSettings({}).name);
});
