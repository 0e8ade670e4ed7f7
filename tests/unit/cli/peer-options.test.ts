/** Claims about the options of `stolos peer`. */
import { expect, test } from "bun:test";
import { parseOptions } from "../../../src/cli/options.ts";
import {
  balancerOf,
  httpOf,
  logFormatOf,
  logLevelOf,
  nodeOptionsOf,
  PEER_OPTIONS,
} from "../../../src/cli/peer-options.ts";
import type { PeerValues } from "../../../src/cli/peer-options.ts";

const values = (...args: string[]): PeerValues => parseOptions("peer", args, PEER_OPTIONS).values;

test("what is not given is left to the library", () => {
  expect(nodeOptionsOf(values("--namespace", "n"))).toEqual({ namespace: "n", join: [], labels: {} });
});

test("every option reaches the node", () => {
  const args = [
    "--namespace",
    "n",
    "--name",
    "a",
    "--listen",
    "/ip4/1.2.3.4/tcp/1",
    "--join",
    "j",
    "--join",
    "k",
  ];
  const more = [
    "--expect",
    "3",
    "--witness",
    "--capacity",
    "7",
    "--label",
    "zone=a",
    "--lease-ttl",
    "1.5s",
    "--no-mdns",
  ];
  expect(nodeOptionsOf(values(...args, ...more))).toEqual({
    namespace: "n",
    name: "a",
    listen: ["/ip4/1.2.3.4/tcp/1"],
    join: ["j", "k"],
    mdns: false,
    expect: 3,
    witness: true,
    capacity: 7,
    labels: { zone: "a" },
    leaseTtlMs: 1500,
  });
});

test("a secret that cannot be read is an error, not none", () => {
  expect(() => nodeOptionsOf(values("--secret-file", "/none"))).toThrow(
    "Cannot use --secret-file /none: ENOENT",
  );
});

test("--http is a host and a port, or a port of 127.0.0.1", () => {
  expect(httpOf(values())).toBeUndefined();
  expect(httpOf(values("--http", "9464"))).toEqual({ host: "127.0.0.1", port: 9464 });
  expect(httpOf(values("--http", ":9464"))).toEqual({ host: "::", port: 9464 });
  expect(httpOf(values("--http", "localhost:0"))).toEqual({ host: "localhost", port: 0 });
  expect(httpOf(values("--http", "[::1]:80"))).toEqual({ host: "::1", port: 80 });
  for (const bad of ["", "h", "h:", "h:65536", "h:1:2", "::1:80", "h:-1", "h:1x"]) {
    expect(() => httpOf(values("--http", bad))).toThrow("needs HOST:PORT");
  }
});

test("a log level is one of four", () => {
  expect(logLevelOf(values())).toBe("info");
  expect(() => logLevelOf(values("--log", "loud"))).toThrow("error, warn, info, debug");
});

test("a log is text or JSON", () => {
  expect(logFormatOf(values())).toBe("text");
  expect(logFormatOf(values("--log-format", "json"))).toBe("json");
  expect(() => logFormatOf(values("--log-format", "xml"))).toThrow("must be one of text, json");
});

test("a balancer is one of five, fair unless another one is named", () => {
  expect(balancerOf(values())).toBe("fair");
  expect(balancerOf(values("--balancer", "metered"))).toBe("metered");
  expect(() => balancerOf(values("--balancer", "even"))).toThrow(
    'Cannot read --balancer: must be one of dumb, fair, resource, sleep, metered, got "even"',
  );
});
