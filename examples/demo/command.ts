/** The command that the demo runs: a shell loop that signs everything it does with its fence, on disk. */

/**
 * Argument 0 is the task's name, 1 its file, 2 how long it lives in ms. It beats about every quarter
 * second.
 */
const SCRIPT = `
say() {
  now=$(date +%s%N)
  # Where date knows no nanoseconds, whole seconds will do: they cannot make two attempts look nested.
  case $now in *N) now=\${now%N}000000000 ;; esac
  echo "$0 $1 $STOLOS_FENCE $STOLOS_ATTEMPT $now" >> "$FILE"
}
FILE=$1
say start
end=$((now + $2 * 1000000))
while [ "$now" -lt "$end" ]; do sleep 0.25; say beat; done
say end
`;

/** A command line that takes `ms` milliseconds and writes what it does to `file`. */
export function beatingCommand(task: string, file: string, ms: number): string[] {
  return ["sh", "-c", SCRIPT, task, file, String(ms)];
}
