/** The package as `npm pack` makes it, unpacked where a program finds it as it would in its own project. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export interface Project extends Disposable {
  readonly directory: string;
  readonly packageDirectory: string;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot run ${command} ${args.join(" ")}: ${stdout}${stderr}`);
}

/** The tarball's path. */
export function pack(into: string): string {
  run("npm", ["pack", "--silent", "--pack-destination", into], ROOT);
  return join(into, readdirSync(into).find((file) => file.endsWith(".tgz"))!);
}

/** Dependencies are those of this checkout, so that nothing is downloaded. */
export function packedProject(): Project {
  const directory = mkdtempSync(join(tmpdir(), "stolos-packed-"));
  const modules = join(directory, "node_modules");
  const packageDirectory = join(modules, "stolos");
  mkdirSync(packageDirectory, { recursive: true });
  run("tar", ["xzf", pack(directory), "--strip-components", "1", "-C", packageDirectory], directory);
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  return {
    directory,
    packageDirectory,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
