/** Names and runtimes of projects that `stolos init` writes. */
import { expect, test } from "bun:test";
import { projectName, runtimeOf } from "../../../../src/cli/project/options.ts";

test.each([
  ["/projects/my-tasks", "my-tasks"],
  ["/projects/My Tasks", "my-tasks"],
  ["/projects/Zürich 2", "zurich-2"],
  ["/projects/_private.", "private"],
  ["/projects/a@b/c!", "c"],
  [`/projects/${"x".repeat(80)}`, "x".repeat(64)],
])("a project in %p is %p", (directory, name) => {
  expect(projectName(undefined, directory)).toBe(name);
});

test("a name that is given is taken as it is", () => {
  expect(projectName("eu.tasks_2", "/projects/other")).toBe("eu.tasks_2");
});

test.each([
  [
    "My Tasks",
    'Cannot name a project: --name "My Tasks" needs 1 to 64 of a-z 0-9 . _ -; --name my-tasks would do',
  ],
  ["@ann/tasks", "--name ann-tasks would do"],
  ["", "--name my-tasks would do"],
  ["---", "--name my-tasks would do"],
  ["stolos", 'Cannot name a project: --name "stolos" is taken; --name my-tasks would do'],
  ["x".repeat(65), `--name ${"x".repeat(64)} would do`],
])("the name %p is refused, and another one named", (name, says) => {
  expect(() => projectName(name, "/projects/other")).toThrow(says);
});

test.each(["/", "/projects/日本", "/projects/stolos"])("a directory %p needs a name", (directory) => {
  expect(() => projectName(undefined, directory)).toThrow("--name my-tasks would do");
});

test("a project is for the runtime that makes it, and for Bun where bunx started Node", () => {
  const env = { npm_config_user_agent: "npm/11.0.0 node/v24.0.0 linux x64" };
  expect(runtimeOf({ versions: { node: "24.0.0" }, env })).toBe("node");
  expect(runtimeOf({ versions: { node: "24.0.0" }, env: {} })).toBe("node");
  expect(runtimeOf({ versions: { node: "24.0.0", bun: "1.4.5" }, env: {} })).toBe("bun");
  expect(runtimeOf({ versions: { node: "24.0.0", deno: "2.9.6" }, env })).toBe("deno");
  const bunx = { npm_config_user_agent: "bun/1.4.5 npm/? node/v24.3.0 linux x64" };
  expect(runtimeOf({ versions: { node: "24.0.0" }, env: bunx })).toBe("bun");
});
