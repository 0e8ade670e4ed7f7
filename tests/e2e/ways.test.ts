/**
 * The quick ways into a program of one's own: those that pack and install nothing. All of them are tried by
 * `npm run drill ways`; the tarball by packed.test.ts.
 */
import { afterAll, expect, test } from "bun:test";
import { WayLab } from "../support/way-lab.ts";
import { WAYS } from "../support/ways.ts";

const lab = new WayLab();
afterAll(() => lab[Symbol.dispose]());
const hasNpm = lab.hasNpm();
const ways = WAYS.filter(({ setUp }) => setUp === undefined);
const quick = ways.flatMap((way) =>
  way.cells.filter(({ isQuick }) => isQuick).map((cell) => ({ way, cell }))
);

for (const { way, cell } of quick) {
  const isMissing = way.needsNpm === true && !hasNpm;
  const name = `${way.title}, on ${cell.on}: ${cell.command}${
    isMissing ? " (npm's registry does not answer)" : ""
  }`;
  test.skipIf(isMissing)(name, () => {
    expect(lab.prepare(way)).toBeNull();
    const { holds, output } = lab.try(way, cell);
    expect([holds, holds ? "" : output]).toEqual([true, ""]);
  });
}
