/** A node beyond loopback needs a secret, and no error shows one. */
import { expect, test } from "bun:test";
import { createNode } from "../../../mod.ts";
import { securitySettings } from "../../../src/client/security-options.ts";

const SECRET = "a secret of more than thirty-two characters";
const settings = (options: Parameters<typeof securitySettings>[1]): ReturnType<typeof securitySettings> =>
  securitySettings("create a node", options);

for (
  const address of [
    "/ip4/0.0.0.0/tcp/0",
    "/ip4/10.0.0.5/tcp/1",
    "/ip6/::/tcp/1",
    "/ip6/::11/tcp/1",
    "/dns4/a/tcp/1",
  ]
) {
  test(`${address} needs a secret, or the word that it has none`, () => {
    for (const options of [{ listen: [address] }, { announce: [address] }]) {
      expect(() => settings(options)).toThrow(
        `${address} can be reached from other machines, so it needs a secret`,
      );
      expect(settings({ ...options, secret: SECRET }).secret).toBe(SECRET);
      expect(settings({ ...options, security: "none" }).secret).toBeNull();
      expect(settings({ ...options, coordinator: "embedded" }).secret).toBeNull();
    }
  });
}

test("loopback needs none", () => {
  const listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.3.2.1/tcp/1", "/ip6/::1/tcp/0", "/dns4/localhost/tcp/1"];
  expect(settings({ listen })).toEqual({ secret: null, allow: null });
  expect(settings({})).toEqual({ secret: null, allow: null });
});

test("a bad secret is refused and not quoted", async () => {
  expect(() => settings({ secret: "hunter2" })).toThrow("secret must have 32 to 4096 characters, it has 7");
  const options: object = { secret: 12345678 };
  await expect(createNode(options)).rejects.toThrow("secret must be a text, got a number");
  expect(() => settings({ secret: SECRET, security: "none" })).toThrow('it has a secret and security "none"');
  const word: object = { security: "some" };
  expect(() => settings(word)).toThrow('security must be "none" or absent');
  const allow: object = { allow: "x" };
  expect(() => settings(allow)).toThrow("allow must be");
});
