/** All files of a project that `stolos init` writes, and what to do with it next. */
import { containers } from "./containers.ts";
import { manifests, tarballOf } from "./manifests.ts";
import type { ProjectOptions, ProjectRuntime } from "./options.ts";
import { programs } from "./programs.ts";

export interface Step {
  readonly command: string;
  /** For people; empty when the command says it. */
  readonly what: string;
}

/** The files' texts by their names. `version` is this software's. */
export function projectFiles(options: ProjectOptions, version: string): Readonly<Record<string, string>> {
  return {
    ...programs(options),
    ...manifests(options, version),
    ...containers(options),
    "README.md": readme(options),
    // npm refuses an older Node by name, which would run no test and say that none failed
    ...(options.runtime === "node" ? { ".npmrc": "engine-strict=true\n" } : {}),
    ".gitignore": ["data", "node_modules", "secret.txt", ""].join("\n"),
  };
}

/** From the project's directory: to have it installed, tested and run. */
export function nextSteps(options: ProjectOptions, version: string): readonly Step[] {
  const { origin } = options;
  const tarball = tarballOf(options, version);
  const steps = everydaySteps(options);
  if (tarball === undefined || origin.type !== "checkout") return steps;
  const what = `makes ${tarball} of the checkout, after its npm ci`;
  return [{ command: `npm pack --silent ${origin.path}`, what }, ...steps];
}

function everydaySteps({ runtime }: ProjectOptions): readonly Step[] {
  const { install, run } = COMMANDS[runtime];
  return [
    ...install.map((command) => ({ command, what: "" })),
    { command: `${run} test`, what: "a peer crashes, on virtual time" },
    { command: `${run} peer`, what: "in three terminals" },
    { command: `${run} submit`, what: "in a fourth; meanwhile end the peer that counts" },
  ];
}

interface Commands {
  readonly install: readonly string[];
  readonly run: string;
}

const COMMANDS: Readonly<Record<ProjectRuntime, Commands>> = {
  node: { install: ["npm install"], run: "npm run" },
  bun: { install: ["bun install"], run: "bun run" },
  deno: { install: [], run: "deno task" },
};

function readme(options: ProjectOptions): string {
  const { name } = options;
  return `# ${name}

Long-running tasks on three peers with Stolos: no master, no broker.

\`\`\`sh
${linesOf(everydaySteps(options)).join("\n")}
\`\`\`

The task and its handler are in \`count.ts\`: put your own there. \`peer.ts\` runs
it, \`submit.ts\` asks for it. On other hosts give each peer
\`STOLOS_LISTEN=/ip4/0.0.0.0/tcp/4001\` and \`STOLOS_SECRET_FILE\`, and where mDNS
does not reach \`STOLOS_JOIN=/ip4/ADDRESS/tcp/4001\`. \`compose.yaml\` has three
peers in containers. \`stolos peer --handlers FILE\` is a peer without \`peer.ts\`,
which runs commands, too.
`;
}

/** Commands with what they are for, aligned. */
export function linesOf(steps: readonly Step[]): string[] {
  const width = Math.max(...steps.map(({ command }) => command.length));
  return steps.map(({ command, what }) => what === "" ? command : `${command.padEnd(width)}  # ${what}`);
}
