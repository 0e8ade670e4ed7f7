/** The compose file and image of a project: they parse, agree with each other and with its programs. */
import { expect, test } from "bun:test";
import { containers } from "../../../../src/cli/project/containers.ts";
import { PROJECT_RUNTIMES, type ProjectOptions } from "../../../../src/cli/project/options.ts";
import { programs } from "../../../../src/cli/project/programs.ts";
import type { Resource } from "../../../support/deploy-files.ts";

function optionsOf(runtime: ProjectOptions["runtime"]): ProjectOptions {
  return { name: "eu-tasks", runtime, origin: { type: "registry" } };
}

function composeOf(options: ProjectOptions): Resource {
  return Bun.YAML.parse(containers(options)["compose.yaml"]!) as Resource;
}

/** Of an instruction of a Dockerfile, each occurrence. */
function valuesOf(dockerfile: string, instruction: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, "gm"))].map(([, value]) => value!);
}

test.each(PROJECT_RUNTIMES)("%s: the compose file runs three peers that name each other", (runtime) => {
  const { services, volumes, secrets } = composeOf(optionsOf(runtime));
  const names = Object.keys(services);
  expect(names).toHaveLength(3);
  for (const name of names) {
    const { environment, init, healthcheck, ...service } = services[name];
    expect(environment.STOLOS_JOIN.split(",")).toEqual(names.map((other) => `/dns4/${other}/tcp/4001`));
    expect(environment.STOLOS_LISTEN).toBe("/ip4/0.0.0.0/tcp/4001");
    expect(service.volumes).toEqual([`${name}:${environment.STOLOS_DATA}`]);
    expect(environment.STOLOS_SECRET_FILE).toBe(`/run/secrets/${service.secrets[0]}`);
    expect(healthcheck.test.at(-1)).toContain(`:${environment.STOLOS_HTTP_PORT}/healthz`);
    expect([init, service.image]).toEqual([true, "eu-tasks"]);
  }
  expect(Object.keys(volumes)).toEqual(names);
  expect(Object.keys(secrets)).toEqual(services[names[0]!].secrets);
});

test.each(PROJECT_RUNTIMES)("%s: what the compose file sets is what the programs read", (runtime) => {
  const { services } = composeOf(optionsOf(runtime));
  const texts = Object.values(programs(optionsOf(runtime))).join("\n");
  const read = new Set(texts.match(/\bSTOLOS_[A-Z_]+/g));
  expect(Object.keys(services.a.environment).sort()).toEqual([...read].sort());
});

test.each(PROJECT_RUNTIMES)("%s: the image starts the peer as its user, and keeps secrets out", (runtime) => {
  const files = containers(optionsOf(runtime));
  const dockerfile = files["Dockerfile"]!;
  const start = JSON.parse(valuesOf(dockerfile, "CMD")[0]!) as string[];
  expect([start[0], start.at(-1)]).toEqual([runtime, "peer.ts"]);
  expect(Object.keys(programs(optionsOf(runtime)))).toContain("peer.ts");
  const [user] = valuesOf(dockerfile, "USER");
  expect(dockerfile).toContain(`mkdir /data && chown ${user} /data`);
  expect(composeOf(optionsOf(runtime)).services.a.environment.STOLOS_DATA).toBe("/data");
  expect(files[".dockerignore"]!.split("\n")).toContain("secret.txt");
});

test("Deno's image has the checkout where the project's deno.json finds it", () => {
  const options: ProjectOptions = {
    ...optionsOf("deno"),
    origin: { type: "checkout", path: "../../stolos" },
  };
  const copies = valuesOf(containers(options)["Dockerfile"]!, "COPY");
  expect(copies).toEqual([
    "--from=stolos mod.ts deno.json package.json /stolos/",
    "--from=stolos src /stolos/src",
    ". .",
  ]);
  const { build } = composeOf(options).services.a;
  expect(build).toEqual({ context: ".", additional_contexts: { stolos: "../../stolos" } });
});

test("no other image needs a checkout", () => {
  for (const runtime of ["node", "bun"] as const) {
    const options: ProjectOptions = {
      ...optionsOf(runtime),
      origin: { type: "checkout", path: "../stolos" },
    };
    expect(valuesOf(containers(options)["Dockerfile"]!, "COPY")).toEqual([". ."]);
    expect(composeOf(options).services.a.build).toBe(".");
  }
});
