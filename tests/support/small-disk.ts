/** A disk of a few MB that can be filled: a tmpfs. Linux and root only. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export class SmallDisk implements Disposable {
  readonly path: string;

  /** @throws Error when it may not be mounted */
  constructor(path: string, size: string) {
    mkdirSync(path, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path], { stdio: "pipe" });
    this.path = path;
  }

  /** Until nothing more fits. */
  fill(): void {
    for (const size of [65_536, 4096, 512, 1]) {
      try {
        for (;;) appendFileSync(join(this.path, "filler"), new Uint8Array(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  }

  free(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  [Symbol.dispose](): void {
    // what still runs on it keeps it until it ends
    execFileSync("umount", ["--lazy", this.path], { stdio: "pipe" });
  }
}
