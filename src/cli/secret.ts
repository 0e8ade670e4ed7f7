/** Where a command finds what must not be typed or shown: the cluster's secret, and who a client is. */
import { readFileSync, writeFileSync } from "node:fs";
import { UsageError } from "./options.ts";

const VARIABLE = "STOLOS_SECRET";

/**
 * From the file, else from the environment, which forgets it: commands that a peer runs inherit the rest.
 *
 * @throws UsageError when the file cannot be read
 */
export function secretFrom(file: string | undefined): { readonly secret?: string } {
  const given = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (file !== undefined) return { secret: read("secret-file", file).trim() };
  return given === undefined ? {} : { secret: given };
}

/**
 * The key in that file; made, and readable by its owner only, when there is none.
 *
 * @throws UsageError when it cannot be read or written
 */
export async function identityFrom(
  file: string | undefined,
): Promise<{ readonly privateKey?: Uint8Array }> {
  if (file === undefined) return {};
  const { makePrivateKey } = await import("../../mod.ts");
  const fresh = await makePrivateKey();
  try {
    writeFileSync(file, `${Buffer.from(fresh).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
    return { privateKey: fresh };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unusable("identity", file, error);
  }
  return { privateKey: new Uint8Array(Buffer.from(read("identity", file), "base64")) };
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unusable(option, file, error);
  }
}

function unusable(option: string, file: string, error: unknown): UsageError {
  return new UsageError(`Cannot use --${option} ${file}: ${error instanceof Error ? error.message : error}`);
}
