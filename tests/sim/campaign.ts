/**
 * A long run of the simulator in pieces, each some seeds of one profile. A piece that has ended is a line of
 * a file, so the run can be stopped at any moment and goes on where it was; what all its lines say adds up.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { addUp, emptySummary, type Summary } from "./summary.ts";

/** Seeds of a piece: some seconds, which are lost when it is stopped. */
export const PIECE_SEEDS = 50;

export interface Piece {
  readonly profile: string;
  readonly first: number;
  readonly last: number;
}

interface Line extends Piece, Summary {
  readonly commit: string;
}

export class CampaignLog {
  readonly #file: string;
  readonly #commit: string;
  readonly #lines: Line[] = [];

  /** @throws Error when the file is of another commit, or no such log. */
  constructor(file: string, commit: string) {
    this.#file = file;
    this.#commit = commit;
    if (!existsSync(file)) return;
    const text = readFileSync(file, "utf8");
    // a line that was cut off in the middle has no end: its piece runs again
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const [at, line] of whole.split("\n").slice(0, -1).entries()) this.#lines.push(this.#read(line, at));
    if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  }

  #read(text: string, at: number): Line {
    let line: Line | null = null;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      // said below
    }
    const where = `Cannot go on with ${this.#file}: line ${at + 1}`;
    if (typeof line?.commit !== "string" || typeof line.runs !== "number") {
      throw new Error(`${where} is not of such a log, got ${text.slice(0, 80)}`);
    }
    if (line.commit !== this.#commit) {
      const what = `is of commit ${line.commit}, and this is ${this.#commit}`;
      throw new Error(`${where} ${what}: seeds of two commits are different runs, so name another file`);
    }
    return line;
  }

  /** What is not in the log yet, in the order of `profiles`. */
  remaining(
    profiles: readonly string[],
    { first, last, pieceSeeds }: {
      readonly first: number;
      readonly last: number;
      readonly pieceSeeds: number;
    },
  ): Piece[] {
    return profiles.flatMap((profile) => {
      const done = this.#lines.filter((line) => line.profile === profile).toSorted((a, b) =>
        a.first - b.first
      );
      const pieces: Piece[] = [];
      let next = first;
      for (const end of [...done, { first: last + 1, last }]) {
        while (next < end.first && next <= last) {
          const after = Math.min(next + pieceSeeds, end.first, last + 1);
          pieces.push({ profile, first: next, last: after - 1 });
          next = after;
        }
        next = Math.max(next, end.last + 1);
      }
      return pieces;
    });
  }

  add({ profile, first, last }: Piece, summary: Summary): void {
    const line: Line = { commit: this.#commit, profile, first, last, ...summary };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#lines.push(line);
  }

  /** Of all its lines, by profile. */
  sums(): ReadonlyMap<string, Summary> {
    const byProfile: Map<string, Summary> = new Map();
    for (const line of this.#lines) {
      let sum = byProfile.get(line.profile);
      if (!sum) byProfile.set(line.profile, sum = emptySummary());
      addUp(sum, line);
    }
    return byProfile;
  }
}

/** A table: runs, violations, hours and rate by profile, and of all. */
export function sumsText(sums: ReadonlyMap<string, Summary>): string {
  const all = emptySummary();
  for (const sum of sums.values()) addUp(all, sum);
  const head = ["profile", "runs", "violations", "virtual h", "CPU h", "runs/s a core"];
  const rows = [head, ...[...sums, ["all", all] as const].map(([name, sum]) => rowOf(name, sum))];
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => row.map((cell, at) => pad(cell, widths[at]!, at === 0)).join("  ")).join("\n");
}

function rowOf(name: string, { runs, violations, virtualMs, cpuMs }: Summary): string[] {
  const hours = (ms: number): string => (ms / 3_600_000).toFixed(2);
  const rate = cpuMs === 0 ? "-" : (runs / (cpuMs / 1000)).toFixed(1);
  return [name, String(runs), String(violations.length), hours(virtualMs), hours(cpuMs), rate];
}

function pad(cell: string, width: number, isText: boolean): string {
  return isText ? cell.padEnd(width) : cell.padStart(width);
}
