/**
 * An ordinary user of this machine who may use sudo without a password (Linux, root): made for a test, and
 * removed with what belongs to it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
let madeCount = 0;

export class SudoUser implements Disposable {
  readonly name: string;
  /** Its own, and its home. */
  readonly directory: string;
  /** Put before a command line to run it as this user. */
  readonly prefix: readonly string[];
  readonly #id: number;
  readonly #rule: string;

  constructor() {
    this.name = `stolos${process.pid}x${madeCount++}`;
    execFileSync("useradd", ["--no-create-home", "--user-group", this.name]);
    this.#rule = `/etc/sudoers.d/${this.name}`;
    writeFileSync(this.#rule, `${this.name} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    this.#id = Number(execFileSync("id", ["--user", this.name], { encoding: "utf8" }));
    this.directory = mkdtempSync(join(tmpdir(), "stolos-sudo-"));
    this.own(this.directory);
    this.prefix = [...asUser(this.#id), "env", `HOME=${this.directory}`];
  }

  /** Why there can be none here; "" if there can. */
  static missing(): string {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux can make a user";
    const tools = ["useradd", "userdel", "sudo", "setpriv"];
    const lacking = tools.filter((tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error);
    return lacking.length === 0 ? "" : `there is no ${lacking.join(", ")}`;
  }

  own(path: string): void {
    chownSync(path, this.#id, this.#id);
  }

  [Symbol.dispose](): void {
    rmSync(this.#rule, { force: true });
    rmSync(this.directory, { recursive: true, force: true });
    spawnSync("userdel", [this.name], { stdio: "ignore" });
  }
}

/** One that may not read the checkout is let read it, and nothing else that it may not. */
function asUser(id: number): string[] {
  const ids = ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups"];
  const [command = "", ...rest] = [...ids, "cat", join(ROOT, "package.json")];
  if (spawnSync(command, rest, { stdio: "ignore" }).status === 0) return ids;
  return [...ids, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
}
