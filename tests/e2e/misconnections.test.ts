/**
 * What went wrong when nobody could be reached, or nothing listened on, is said with its cause and with what
 * can be done: by the library and by the command, on each runtime.
 */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { stolos } from "../support/cluster.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const NOBODY = "nobody listens there (ECONNREFUSED): is the node up, and is this its port?";
const SILENT = "it takes connections and says nothing: it hangs, or is no Stolos node";
const WORDLESS = "it ended the connection without a word: it has another secret than the one given, or none";
const READ = "it ended the connection when it had read what the secret hides: it has another one, or is full";

/** The end of each message. A name that is not there is told of in one of two ways, as the resolver does. */
const SAYS: Readonly<Record<string, string | RegExp>> = {
  refused: NOBODY,
  "refused, with a secret": NOBODY,
  "unknown host": /there is no host no-such-host\.invalid \(ENOTFOUND\)|DNS does not answer/,
  silent: SILENT,
  "silent, with a secret": SILENT,
  "another program": 'another program is there: it says "SSH-2.0-OpenSSH_9.9 and"',
  "another program, with a secret": 'another program is there: it says "HTTP/1.1 400 Bad Request"',
  "wrong namespace": "it is a node of namespace here, not of namespace there",
  "no secret": "what it sends cannot be read without a secret, and none was given",
  "a secret too many": WORDLESS,
  // a reset may overtake the nonce
  "wrong secret": new RegExp(`${WORDLESS}|${READ}`),
  "not on the list": /it ended the connection when it knew who this is: it may have a list without 12D3Koo/,
  "another node's id": "another node is there than the one that the address names",
  "port in use": "another program listens there already (EADDRINUSE); port 0 stands for any that is free",
  "another machine's address": "this machine has no such address; 0.0.0.0 and :: stand for all that it has",
  "no TCP address": "only TCP addresses can be listened on",
};

for (const runtime of RUNTIMES) {
  test(`${runtime}: each cause is named, and none is blamed that is not`, async () => {
    const [command = "", ...args] = commandOn(runtime, "tests/support/misconnections.ts", []);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    const messages = JSON.parse(await text(child.stdout)) as Record<string, string>;
    expect(Object.keys(messages)).toEqual(Object.keys(SAYS));
    for (const [name, says] of Object.entries(SAYS)) {
      const message = messages[name]!;
      if (typeof says === "string") expect(message).toContain(says);
      else expect(message).toMatch(says);
      expect(message).toMatch(/^ConnectError: Cannot (connect to a member of namespace|listen on) /);
      if (says === NOBODY || says === SILENT) expect(message).not.toContain("secret");
    }
  });

  test(`${runtime}: the command says it on one line, and ends with 2`, async () => {
    const nodes = await stolos(runtime, ["nodes", "--join", "/ip4/127.0.0.1/tcp/1", "--timeout", "500ms"]);
    expect([nodes.code, nodes.stderr]).toEqual([2, expect.stringContaining(`(${NOBODY})\n`)]);
    const peer = await stolos(runtime, [
      "peer",
      "--namespace",
      "misconnected",
      "--listen",
      "/ip4/127.0.0.1/udp/1",
    ]);
    expect(peer.code).toBe(2);
    expect(peer.stderr).toEndWith(
      "stolos: Cannot listen on /ip4/127.0.0.1/udp/1: only TCP addresses can be listened on\n",
    );
  });
}
