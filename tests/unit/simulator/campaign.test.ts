/** Long runs of the simulator in pieces: tests/sim/campaign.ts, and what tests/sim/main.ts makes of it. */
import { afterEach, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROFILES } from "../../../src/simulator/profiles.ts";
import { CampaignLog, type Piece, sumsText } from "../../sim/campaign.ts";
import { profilesOf } from "../../sim/options.ts";
import type { Summary } from "../../sim/summary.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "stolos-campaign-"));
const file = join(folder, "log");

afterEach(() => rmSync(file, { force: true }));

function summary(runs: number, violations: Summary["violations"] = []): Summary {
  return { runs, violations, totals: { chosen: 2 * runs }, virtualMs: runs * 3_600_000, cpuMs: runs * 500 };
}

function rangesOf(pieces: readonly Piece[]): string[] {
  return pieces.map(({ profile, first, last }) => `${profile} ${first}-${last}`);
}

test("a new log has all to do, piece by piece", () => {
  const log = new CampaignLog(file, "abc");
  const pieces = log.remaining(["calm", "crashy"], { first: 1, last: 120, pieceSeeds: 50 });
  const ranges = ["1-50", "51-100", "101-120"];
  expect(rangesOf(pieces)).toEqual(
    ["calm", "crashy"].flatMap((name) => ranges.map((each) => `${name} ${each}`)),
  );
});

test("started again it goes on with what is missing, whatever seeds are asked for then", () => {
  const before = new CampaignLog(file, "abc");
  before.add({ profile: "calm", first: 51, last: 100 }, summary(50));
  before.add({ profile: "calm", first: 1, last: 20 }, summary(20));
  const log = new CampaignLog(file, "abc");
  expect(rangesOf(log.remaining(["calm"], { first: 1, last: 160, pieceSeeds: 50 })))
    .toEqual(["calm 21-50", "calm 101-150", "calm 151-160"]);
  expect(rangesOf(log.remaining(["calm"], { first: 10, last: 90, pieceSeeds: 50 }))).toEqual(["calm 21-50"]);
  expect(log.remaining(["calm"], { first: 60, last: 70, pieceSeeds: 50 })).toEqual([]);
});

test("a line that was cut off in the middle counts as not run, and does not spoil the next one", () => {
  new CampaignLog(file, "abc").add({ profile: "calm", first: 1, last: 50 }, summary(50));
  appendFileSync(file, '{"commit":"abc","profile":"ca');
  const log = new CampaignLog(file, "abc");
  expect(rangesOf(log.remaining(["calm"], { first: 1, last: 100, pieceSeeds: 50 }))).toEqual(["calm 51-100"]);
  log.add({ profile: "calm", first: 51, last: 100 }, summary(50));
  expect(new CampaignLog(file, "abc").sums().get("calm")!.runs).toBe(100);
});

test("a log of another commit is refused in words, and so is what is no log", () => {
  new CampaignLog(file, "abc").add({ profile: "calm", first: 1, last: 50 }, summary(50));
  expect(() => new CampaignLog(file, "def")).toThrow(
    `Cannot go on with ${file}: line 1 is of commit abc, and this is def: ` +
      "seeds of two commits are different runs, so name another file",
  );
  appendFileSync(file, "hello\n");
  expect(() => new CampaignLog(file, "abc")).toThrow("line 2 is not of such a log, got hello");
});

test("what the lines say adds up, by profile and in all, with hours and rate", () => {
  const log = new CampaignLog(file, "abc");
  const violations = [{ seed: 7, profile: "crashy", invariant: "I1", message: "I1: two" }];
  log.add({ profile: "calm", first: 1, last: 50 }, summary(50));
  log.add({ profile: "calm", first: 51, last: 72 }, summary(22));
  log.add({ profile: "crashy", first: 1, last: 36 }, summary(36, violations));
  const sums = new CampaignLog(file, "abc").sums();
  expect(sums.get("calm")!.totals).toEqual({ chosen: 144 });
  expect(sums.get("crashy")!.violations).toEqual(violations);
  expect(sumsText(sums).split("\n")).toEqual([
    "profile  runs  violations  virtual h  CPU h  runs/s a core",
    "calm       72           0      72.00   0.01            2.0",
    "crashy     36           1      36.00   0.01            2.0",
    "all       108           1     108.00   0.01            2.0",
  ]);
});

test("profiles are all, or a list of names", () => {
  expect(profilesOf("all")).toEqual(PROFILES);
  expect(profilesOf("calm,crashy")).toEqual(["calm", "crashy"]);
  expect(() => profilesOf("calm,nope")).toThrow('Cannot choose the profile "nope": must be of all, general');
});

/** The simulator alone, as a commit. */
function checkout(): string {
  const copy = join(folder, "copy");
  for (const part of ["src", "tests/sim", "tests/support"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  cpSync(join(ROOT, "package.json"), join(copy, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const git = (...args: string[]): string => execFileSync("git", ["-C", copy, ...args], { encoding: "utf8" });
  git("init", "--quiet");
  git("add", "src", "tests");
  git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "-m", "all");
  return copy;
}

/** Runs it; `stopAfter`: text in its output that is answered by a SIGTERM. */
function run(
  copy: string,
  last: number,
  stopAfter = "",
): Promise<{ readonly text: string; readonly code: number | null }> {
  const args = ["tests/sim/main.ts", "--seeds", `1-${last}`, "--profile", "calm,pauses", "--piece", "2"];
  const child = spawn(process.execPath, [...args, "--log", file], { cwd: copy });
  return new Promise((resolve) => {
    let text = "";
    const take = (data: unknown): void => {
      text += String(data);
      if (stopAfter !== "" && text.includes(stopAfter)) child.kill("SIGTERM");
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("close", (code) => resolve({ text, code }));
  });
}

test("SIGTERM stops a run, the same command ends it, and changed sources are refused", async () => {
  const copy = checkout();
  const stopped = await run(copy, 4, "calm 1-2: 2 runs");
  expect(stopped.code).toBe(143);
  const written = readFileSync(file, "utf8").trimEnd().split("\n").length;
  expect(written).toBeLessThan(4);
  const ended = await run(copy, 4);
  expect(ended.code).toBe(0);
  expect(ended.text).toContain(`${4 - written} pieces to run`);
  expect(ended.text).toMatch(/^all +8 +0 /m);
  appendFileSync(join(copy, "src/simulator/world.ts"), "// changed\n");
  const refused = await run(copy, 4);
  expect(refused.code).toBe(1);
  expect(refused.text).toContain("Cannot write a log: its figures are those of a commit");
});
