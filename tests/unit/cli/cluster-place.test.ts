/** Claims about which cluster a command means. */
import { expect, test } from "bun:test";
import { clusterPlace } from "../../../src/cli/cluster-place.ts";

const place = (
  { namespace, join = [] }: { namespace?: string; join?: string[] },
  environment: Record<string, string>,
): unknown => clusterPlace({ namespace, join }, environment);

test("an option replaces its variable, and either of namespace and addresses is enough", () => {
  const environment = { STOLOS_NAMESPACE: "n", STOLOS_JOIN: "/ip4/1.2.3.4/tcp/1, /dns4/a/tcp/2" };
  expect(place({}, environment)).toEqual({
    namespace: "n",
    join: ["/ip4/1.2.3.4/tcp/1", "/dns4/a/tcp/2"],
  });
  expect(place({ namespace: "o", join: ["j"] }, environment)).toEqual({ namespace: "o", join: ["j"] });
  expect(place({}, { STOLOS_JOIN: "j" })).toEqual({ join: ["j"] });
  expect(place({ namespace: "n" }, {})).toEqual({ namespace: "n", join: [] });
});

test("without any of the four nothing is meant, and one line names all four", () => {
  const message =
    "Cannot tell which cluster is meant: give --namespace or --join, or set STOLOS_NAMESPACE or " +
    "STOLOS_JOIN";
  expect(() => place({}, {})).toThrow(message);
  expect(() => place({}, { STOLOS_NAMESPACE: "", STOLOS_JOIN: " " })).toThrow(message);
});
