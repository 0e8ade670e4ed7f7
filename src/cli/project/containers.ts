/** How a project that `stolos init` writes runs in containers: an image, and three peers of it. */
import { posix } from "node:path";
import type { ProjectOptions, ProjectRuntime } from "./options.ts";

/** Where the project is in its image. */
const APP = "/app";

/** By file. */
export function containers(options: ProjectOptions): Readonly<Record<string, string>> {
  const { runtime } = options;
  return {
    Dockerfile: dockerfile(options),
    ".dockerignore": [...IGNORED, ...(runtime === "deno" ? [] : ["node_modules"]), ""].join("\n"),
    "compose.yaml": compose(options),
  };
}

/** What no image needs. Deno finds there what npm has installed, if anything. */
const IGNORED: readonly string[] = [".git", "compose.yaml", "data", "Dockerfile", "secret.txt"];
/** Of a checkout: all that Deno needs of it. */
const CHECKOUT_FILES = "mod.ts deno.json package.json";

interface Image {
  readonly from: string;
  readonly user: string;
  readonly install: string;
  readonly start: readonly string[];
  /** What runs a line of code. */
  readonly evaluate: readonly string[];
}

const IMAGE_BY_RUNTIME: Readonly<Record<ProjectRuntime, Image>> = {
  node: {
    from: "node:24-slim",
    user: "node",
    install: "npm install --omit=dev",
    start: ["node"],
    evaluate: ["node", "--eval"],
  },
  bun: {
    from: "oven/bun:1",
    user: "bun",
    install: "bun install --production",
    start: ["bun"],
    evaluate: ["bun", "--eval"],
  },
  deno: {
    from: "denoland/deno:2",
    user: "deno",
    install: "deno cache peer.ts submit.ts",
    start: ["deno", "run", "-A"],
    evaluate: ["deno", "eval"],
  },
};

/** The checkout that Deno reads this software from: its path, and where it is in the image. */
function linkOf(
  { runtime, origin, manifest }: ProjectOptions,
): { path: string; inImage: string } | undefined {
  if (runtime !== "deno" || origin.type !== "checkout" || manifest !== undefined) return undefined;
  return { path: origin.path, inImage: posix.resolve(APP, origin.path) };
}

function dockerfile(options: ProjectOptions): string {
  const { from, user, install, start } = IMAGE_BY_RUNTIME[options.runtime];
  const link = linkOf(options);
  const copyLink = link === undefined ? "" : `# the checkout that deno.json names
COPY --from=stolos ${CHECKOUT_FILES} ${link.inImage}/
COPY --from=stolos src ${link.inImage}/src
`;
  return `FROM ${from}
WORKDIR ${APP}
${copyLink}COPY . .
RUN ${install}
# the state of a peer; compose.yaml gives it a volume
RUN mkdir /data && chown ${user} /data
USER ${user}
CMD ${JSON.stringify([...start, "peer.ts"]).replaceAll(",", ", ")}
`;
}

const HEALTHY =
  'fetch("http://127.0.0.1:9464/healthz").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))';

function compose(options: ProjectOptions): string {
  const { start, evaluate } = IMAGE_BY_RUNTIME[options.runtime];
  const link = linkOf(options);
  const build = link === undefined ? " ." : `
    context: .
    additional_contexts:
      stolos: ${link.path}`;
  const peers = ["a", "b", "c"];
  return `# Three peers on this machine, and nothing beside them.
#   head -c 32 /dev/urandom | base64 > secret.txt
#   docker compose up --build
#   docker compose exec a ${start.join(" ")} submit.ts
x-peer: &peer
  build:${build}
  image: ${options.name}
  # process 1: passes signals on, and waits for what others leave behind
  init: true
  restart: on-failure
  stop_grace_period: 30s
  secrets: [stolos]
  environment:
    STOLOS_SECRET_FILE: /run/secrets/stolos
    STOLOS_LISTEN: /ip4/0.0.0.0/tcp/4001
    STOLOS_JOIN: ${peers.map((peer) => `/dns4/${peer}/tcp/4001`).join(",")}
    STOLOS_DATA: /data
    STOLOS_HTTP_PORT: "9464"
  healthcheck:
    test:
      - CMD
${evaluate.map((word) => `      - ${word}`).join("\n")}
      - '${HEALTHY}'
    interval: 5s
    timeout: 5s
    retries: 6
services:
${peers.map((peer) => `  ${peer}:\n    <<: *peer\n    volumes: [${peer}:/data]`).join("\n")}
volumes:
${peers.map((peer) => `  ${peer}:`).join("\n")}
secrets:
  stolos:
    file: ./secret.txt
`;
}
