/** What is said of a dial that came to nothing, by how far the handshake had come. */
import { expect, test } from "bun:test";
import { dial } from "../../../src/mesh/dial.ts";
import { HANDSHAKE_EVENT } from "../../../src/mesh/guard.ts";
import type { Handshake } from "../../../src/mesh/handshake.ts";
import type { Host } from "../../../src/mesh/host.ts";

/** Why, when the connection was open and then failed. */
async function whyNot(handshake: Partial<Handshake>, message = "it failed"): Promise<string> {
  const before = { hasSecret: false, hasBegun: false, isForeign: false, isCut: false, isGreeted: false };
  const detail = { ...before, text: null, ...handshake };
  const fake = {
    peerId: "me",
    dial: (_to: unknown, { onProgress }: { onProgress: (event: unknown) => void }) => {
      onProgress({ type: HANDSHAKE_EVENT, detail });
      return Promise.reject(new Error(message));
    },
  };
  const signal = new AbortController().signal;
  const error: Error = await dial(fake as unknown as Host, ["/ip4/127.0.0.1/tcp/1"], signal).catch((e) => e);
  return error.message;
}

test("who says nothing of ours is no node, and no secret is blamed for it", async () => {
  expect(await whyNot({ text: "SSH-2.0" })).toBe('another program is there: it says "SSH-2.0"');
  const silent = "it takes connections and says nothing: it hangs, or is no Stolos node";
  expect([await whyNot({}), await whyNot({ hasSecret: true })]).toEqual([silent, silent]);
  expect(await whyNot({ isCut: true })).toBe(
    "it ended the connection without a greeting: it is no Stolos node, or full",
  );
});

test("of secrets it is said who has which, as far as that shows", async () => {
  const hasSecret = true;
  expect(await whyNot({ isForeign: true })).toBe(
    "what it sends cannot be read without a secret, and none was given",
  );
  expect(await whyNot({ isForeign: true, hasSecret })).toBe("it has another secret than the one given");
  expect(await whyNot({ hasSecret, hasBegun: true })).toBe(
    "it began the handshake and did not go on: it has another secret, or hangs",
  );
  expect(await whyNot({ hasSecret, hasBegun: true, isCut: true })).toBe(
    "it ended the connection when it had read what the secret hides: it has another one, or is full",
  );
  expect(await whyNot({ hasSecret, isCut: true })).toBe(
    "it ended the connection without a word: it has another secret than the one given, or none",
  );
});

test("who has greeted and ends it knew who dialled, or is somebody else", async () => {
  const isGreeted = true;
  expect(await whyNot({ isGreeted, isCut: true })).toBe(
    "it ended the connection when it knew who this is: it may have a list without me",
  );
  expect(await whyNot({ isGreeted }, "the remote's identity key is another")).toBe(
    "another node is there than the one that the address names",
  );
  expect(await whyNot({ isGreeted })).toBe("the connection could not be set up: it failed");
});
