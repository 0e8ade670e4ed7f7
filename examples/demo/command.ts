/** The command that the demo runs: a shell loop that signs everything it does with its fence, on disk. */

/** Argument 0 is the task's name, 1 its file, 2 how many beats of a quarter of a second it lives. */
const SCRIPT = `
say() {
  now=$(date +%s%N)
  # Where date knows no nanoseconds, whole seconds will do: they cannot make two attempts look nested.
  case $now in *N) now=\${now%N}000000000 ;; esac
  echo "$0 $1 $STOLOS_FENCE $STOLOS_ATTEMPT $now" >> "$FILE"
}
FILE=$1
say start
i=0
while [ "$i" -lt "$2" ]; do sleep 0.25; say beat; i=$((i + 1)); done
say end
`;

/** A command line that takes `beats` quarters of a second and writes what it does to `file`. */
export function beatingCommand(task: string, file: string, beats: number): string[] {
  return ["sh", "-c", SCRIPT, task, file, String(beats)];
}
