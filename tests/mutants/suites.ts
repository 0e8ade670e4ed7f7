/** Which tests are tried with a mutant of a file, the narrow ones first; how they are run is trial.ts's. */
import { PROFILES } from "../../src/simulator/profiles.ts";
import { listFiles, read } from "../tidy/source.ts";

/** Looked at in this order. A `sim` stands for the simulator's profiles, those of the file's room first. */
const SUITES_BY_AREA: Readonly<Record<string, readonly string[]>> = {
  core: ["tests/unit/protocol", "tests/scenarios", "sim", "tests/conformance", "tests/unit/testing"],
  host: ["tests/unit/coordinator", "tests/conformance", "tests/unit/testing", "tests/parity"],
  consumer: ["tests/unit/consumer", "tests/unit/task", "tests/conformance", "tests/unit/testing"],
  store: ["tests/unit/store", "tests/conformance/store.test.ts", "tests/unit/node/recover.test.ts"],
  leash: ["tests/unit/cli/exec", "tests/e2e/cli-leash.test.ts"],
  mesh: ["tests/unit/mesh", "tests/e2e/security.test.ts", "tests/e2e/discovery.test.ts"],
};

/** Tried when the suites of the area let a mutant through: whole processes, and minutes of them. */
const WIDER_BY_AREA: Readonly<Record<string, readonly string[]>> = {
  core: ["tests/sim/idle.test.ts", "tests/sim/large-cluster.test.ts", "tests/parity"],
  host: ["tests/unit/node", "tests/unit/observe", "tests/e2e/cli-members.test.ts"],
  consumer: ["tests/parity", "tests/e2e/handler-threads.test.ts", "tests/e2e/library-ends.test.ts"],
  store: ["tests/e2e/store-alone.test.ts", "tests/e2e/store-cluster.test.ts", "tests/e2e/recover.test.ts"],
  leash: [
    "tests/e2e/cli-exec.test.ts",
    "tests/e2e/cli-output.test.ts",
    "tests/e2e/exec-commands.test.ts",
    "tests/e2e/cli-commands.test.ts",
  ],
  mesh: [
    "tests/e2e/listen.test.ts",
    "tests/e2e/loopback.test.ts",
    "tests/e2e/misconnections.test.ts",
    "tests/e2e/cut-pair.test.ts",
    "tests/e2e/strangers.test.ts",
  ],
};

const PROFILES_BY_ROOM: Readonly<Record<string, readonly string[]>> = {
  log: ["crashy", "snapshots", "stale", "partitions", "ambush", "traps"],
  roster: ["reconfiguration", "departures", "rejoin", "ambush", "traps"],
  holder: ["executions", "placement", "pauses", "partitions", "stale", "traps"],
  steward: ["general", "placement", "poison", "commands", "expiry"],
  client: ["answers", "commands", "pair", "ends", "large"],
};
const SEEDS_OF_ROOM = "1-30";
const SEEDS_OF_OTHERS = "1-8";
/** One plot a run, of many. */
const SEEDS_OF_TRAPS = "1-60";

/** Compilers see some mistakes before any test could. */
export const TYPES = "types";

/** The suites of a mutant of `file`; one is a path of tests, `sim PROFILE SEEDS`, or TYPES. */
export function suitesFor(area: string, file: string): readonly string[] {
  const own = SUITES_BY_AREA[area]!.flatMap((suite) => suite === "sim" ? simulationsOf(file) : [suite]);
  const folder = own[0]!;
  const module = `${file.split("/").at(-1)}"`;
  const nearest = listFiles([folder], ".test.ts").filter((path) => read(path).includes(`/${module}`));
  return [...nearest, ...own, ...WIDER_BY_AREA[area]!, TYPES];
}

function simulationsOf(file: string): readonly string[] {
  const first = PROFILES_BY_ROOM[file.split("/")[2]!] ?? ["general", "crashy", "everything"];
  const others = PROFILES.filter((profile) => !first.includes(profile));
  return [
    ...first.map((profile) => `sim ${profile} ${profile === "traps" ? SEEDS_OF_TRAPS : SEEDS_OF_ROOM}`),
    ...others.map((profile) => `sim ${profile} ${SEEDS_OF_OTHERS}`),
  ];
}
