/** Who lacks the secret, or is not on the list, is cut off; who has it notices nothing. */
import { afterEach, expect, test } from "bun:test";
import { connectClient } from "../../../src/mesh/client.ts";
import { makePrivateKey, nodeIdOf } from "../../../src/mesh/private-key.ts";
import { networkKeyOf } from "../../../src/mesh/host.ts";
import { startNode, stopNodes, type TestNode } from "../../support/mesh.ts";

const SECRET = "a secret of more than thirty-two characters";
const OTHER = "another secret of more than thirty-two characters";

afterEach(stopNodes);

const joining = (member: TestNode): { readonly join: readonly string[] } => ({ join: member.mesh.addresses });
const clientOf = (member: TestNode): Parameters<typeof connectClient>[0] => {
  return { namespace: "test", ...joining(member), mdns: false, timeoutMs: 1500 };
};

test("the key of a secret is the same on every runtime and in every version", () => {
  expect(Buffer.from(networkKeyOf(SECRET)).toString("hex")).toBe(
    "b9c5069b387d482fa0e74da7d22a2d70a126c2a865f39013deac1915c7e86f54",
  );
  expect(networkKeyOf("e\u0301")).toEqual(networkKeyOf("\u00e9"));
});

test("two that share a secret talk; who has none or another one gets nothing and is reported", async () => {
  const a = await startNode("a", { secret: SECRET });
  const b = await startNode("b", { secret: SECRET, ...joining(a) });
  await a.until("a sees b", () => a.ups.size === 1);
  const unreached: string[] = [];
  const unreachable = (_address: string, reason: string): void => void unreached.push(reason);
  const open = await startNode("open", joining(a), { unreachable });
  const other = await startNode("other", { secret: OTHER, ...joining(a) }, { unreachable });
  for (const what of ["speaks without a secret", "sent what the secret does not open"]) {
    await a.until(`a tells of who ${what}`, () => a.log.some((line) => line.includes(what)));
  }
  await expect(connectClient(clientOf(a))).rejects.toThrow("Cannot connect");
  expect([open.ups.size, other.ups.size, a.ups.size, b.ups.size]).toEqual([0, 0, 1, 1]);
  const client = await connectClient({ ...clientOf(a), secret: SECRET });
  expect(client.member).toBe(a.mesh.id);
  await client.stop();
});

test("who is not on the list is cut off before a hello, dialled or dialling", async () => {
  const [one, two] = [await makePrivateKey(), await makePrivateKey()];
  const allow = [nodeIdOf(one), nodeIdOf(two)];
  const a = await startNode("a", { privateKey: one, allow });
  const b = await startNode("b", { privateKey: two, allow, ...joining(a) });
  await a.until("a sees b", () => a.ups.size === 1);
  const stranger = await startNode("stranger", joining(a));
  const denied = "rejected is not on the list of allowed peers";
  await a.until("a tells of it", () => a.log.includes(denied));
  const curious = await startNode("curious", { allow: [nodeIdOf(one)], join: stranger.mesh.addresses });
  await curious.until("it does not talk to who is not on its list", () => curious.log.includes(denied));
  expect([stranger.ups.size, curious.ups.size, a.ups.size, b.ups.size]).toEqual([0, 0, 1, 1]);
  await expect(connectClient(clientOf(a))).rejects.toThrow("Cannot connect");
  const client = await connectClient({ ...clientOf(a), privateKey: two });
  expect(client.id).toBe(allow[1]!);
  await client.stop();
});

test("a list of what is no peer id is refused by name", async () => {
  await expect(startNode("a", { allow: ["me"] })).rejects.toThrow(
    'allow must be peer ids like 12D3KooW…, got "me"',
  );
});
