/** What is loaded before there is a use for it. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

function packagesLoadedBy(args: readonly string[]): readonly string[] {
  const hook = "./tests/support/loaded-modules.ts";
  const options = { cwd: ROOT, encoding: "utf8" } as const;
  const { stderr } = spawnSync(join(ROOT, "node_modules/.bin/node"), ["--import", hook, ...args], options);
  return /^loaded: (.*)$/m.exec(stderr)![1]!.split(" ");
}

test.each(["--version", "--help", "nodes --help", "nodes --nonsense"])(
  "stolos %s loads nothing of libp2p",
  (line) => {
    expect(packagesLoadedBy(["src/cli/stolos.ts", ...line.split(" ")])).toEqual(["lossless-json"]);
  },
);

test("a client's command loads neither gossipsub nor mDNS where it is told an address", () => {
  const args = ["nodes", "--join", "/ip4/127.0.0.1/tcp/1", "--timeout", "100ms"];
  const loaded = packagesLoadedBy(["src/cli/stolos.ts", ...args]);
  expect(loaded).toContain("libp2p");
  expect(loaded.filter((name) => /gossipsub|mdns|multicast-dns/.test(name))).toEqual([]);
});

test("importing the library loads no libp2p: whoever creates a node or a client does", () => {
  expect(packagesLoadedBy(["mod.ts"]).filter((name) => /^libp2p$|noise|yamux|tcp|gossipsub/.test(name)))
    .toEqual([]);
});
