/**
 * Puts each of Metafora's defects back into a copy of the sources, one at a time, and runs the test that is
 * to notice: it must pass on the sources as they are, and fail on the copy.
 *
 *   node tests/parity/put-back.ts [--only 2,15]
 *
 * Exits 1 when one goes unnoticed. docs/parity.md has the list in words.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { optionOf } from "../sim/options.ts";
import { type Defect, DEFECTS } from "./defect-list.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["src", "tests", "examples", "mod.ts", "package.json", "deno.json", "tsconfig.json"];
const TEST_MS_MAX = 120_000;

/** True when the test passes there. Counts what ran, for a name that matches nothing shows nothing. */
async function passes(folder: string, { test, name }: Defect): Promise<boolean> {
  const args = ["test", test, "-t", name, "--timeout", String(TEST_MS_MAX)];
  const child = spawn("bun", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => text += String(data));
  const timer = setTimeout(() => child.kill("SIGKILL"), TEST_MS_MAX + 10_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(timer);
  const ran = Number(/^ *(\d+) pass$/m.exec(text)?.[1] ?? 0) + Number(/^ *(\d+) fail$/m.exec(text)?.[1] ?? 0);
  if (ran === 0 && code !== null) throw new Error(`Cannot run "${name}" of ${test}: nothing ran\n${text}`);
  return code === 0;
}

function copyWith(defect: Defect): string {
  const folder = mkdtempSync(join(tmpdir(), "stolos-defect-"));
  for (const part of COPIED) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of defect.edits) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    const count = text.split(find).length - 1;
    if (count !== 1) {
      throw new Error(
        `Cannot put defect ${defect.no} back: the text must occur once in ${file}, got ${count}: ${find}`,
      );
    }
    writeFileSync(path, text.replace(find, () => replace));
  }
  return folder;
}

const only = optionOf("only", "").split(",").filter((each) => each !== "");
let unnoticed = 0;
for (const defect of DEFECTS) {
  if (only.length > 0 && !only.includes(String(defect.no))) continue;
  const folder = copyWith(defect);
  const isGood = await passes(ROOT, defect);
  const isNoticed = !await passes(folder, defect);
  rmSync(folder, { recursive: true, force: true });
  if (!isGood || !isNoticed) unnoticed++;
  const verdict = isGood ? (isNoticed ? "noticed" : "NOT NOTICED") : "FAILS WITHOUT IT";
  console.log(`${String(defect.no).padStart(2)}  ${verdict.padEnd(16)}  ${defect.what}`);
}
process.exitCode = unnoticed === 0 ? 0 : 1;
