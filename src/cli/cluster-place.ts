/**
 * Which cluster a command means: by option, else by the environment. Without any of them it means none, since
 * a name that everybody has by default would join what does not belong together.
 */
import { UsageError } from "./options.ts";

const NAMESPACE_VARIABLE = "STOLOS_NAMESPACE";
const JOIN_VARIABLE = "STOLOS_JOIN";

export interface ClusterPlace {
  readonly namespace?: string;
  readonly join: string[];
}

/**
 * What createNode and connectClient are to be given. An option replaces its variable.
 *
 * @throws UsageError when nothing says which cluster is meant
 */
export function clusterPlace(
  values: { readonly namespace: string | undefined; readonly join: readonly string[] },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClusterPlace {
  const namespace = values.namespace ?? (environment[NAMESPACE_VARIABLE] || undefined);
  const variable = (environment[JOIN_VARIABLE] ?? "").split(/[\s,]+/).filter((address) => address !== "");
  const join = values.join.length > 0 ? [...values.join] : variable;
  if (namespace === undefined && join.length === 0) {
    throw new UsageError(
      `Cannot tell which cluster is meant: give --namespace or --join, or set ${NAMESPACE_VARIABLE} or ` +
        `${JOIN_VARIABLE}`,
    );
  }
  return { ...(namespace === undefined ? {} : { namespace }), join };
}
