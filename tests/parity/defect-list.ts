/** Metafora's defects, how each is put back here, and the test that notices: docs/parity.md in code. */

export interface Defect {
  readonly no: number;
  readonly what: string;
  /** Each text must occur in its file exactly once. */
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
  readonly test: string;
  /** Part of the test's name, as a regular expression. */
  readonly name: string;
}

const ON_CLUSTERS = "tests/parity/defects.test.ts";

export const DEFECTS: readonly Defect[] = [
  {
    no: 1,
    what: "nothing is fenced: what a late owner reports counts, by its id alone",
    edits: [
      {
        file: "src/consumer/consumer.ts",
        find: "if (attempt.isLost || isGivenUp) {",
        replace: "if (isGivenUp) {",
      },
      {
        file: "src/protocol/holder/lease-holder.ts",
        find: "    if (!session || !held || held.isSettling) {",
        replace: `    if (session?.term && !held) {
      const items = [{ id, fence, seq, upTo: 0, settlement }];
      this.#context.send(session.term.node, { type: "settle", p, items });
    }
    if (!session || !held || held.isSettling) {`,
      },
      {
        file: "src/protocol/steward/steward.ts",
        find: "if (this.isCurrent(record, fence) && record!.session!.node === from) {",
        replace: `if (record && record.state !== "completed") {`,
      },
      {
        file: "src/protocol/state/partition-tasks.ts",
        find: `if (!before || before.state !== "leased" || before.fence !== op.fence) return null;`,
        replace: `if (!before?.session || before.state === "completed") return null;`,
      },
    ],
    test: ON_CLUSTERS,
    name: "1: whoever was stopped and comes back late",
  },
  {
    no: 2,
    what: "the end of x1 takes x10 along",
    edits: [{
      file: "src/protocol/state/partition-tasks.ts",
      find: "if (after && isTerminal(after.state)) this.finished.add(after);",
      replace: `if (after && isTerminal(after.state)) {
      this.finished.add(after);
      for (const other of [...this.records.keys()]) {
        if (other !== id && other.startsWith(id)) this.records.delete(other);
      }
    }`,
    }],
    test: ON_CLUSTERS,
    name: "2: the end of a task touches no other",
  },
  {
    no: 3,
    what: "many refused tasks block the node: beyond a hundred nothing is asked any more",
    edits: [{
      file: "src/consumer/balancers/balancing.ts",
      find: "const leftMs = (this.#ignored.get(task.id) ?? 0) - nowMs;",
      replace: `const leftMs = (this.#ignored.get(task.id) ?? 0) - nowMs;
    if (this.#ignored.size >= 100) return 1;`,
    }],
    test: "tests/unit/consumer/balancers/balancing.test.ts",
    name: "two hundred tasks refused for a millisecond each",
  },
  {
    no: 4,
    what: "the fair balancer goes on when it has nothing left to name",
    edits: [{
      file: "src/consumer/balancers/fair.ts",
      find: "if (ids.length >= count) break;",
      replace: "if (ids.length >= 2 * tasks.length) break;",
    }],
    test: "tests/unit/consumer/balancers/balancers.test.ts",
    name: "fair never gives back more than it holds",
  },
  {
    no: 5,
    what: "a stop before the handler looks is lost",
    edits: [{
      file: "src/consumer/attempt.ts",
      find: "if (this.abortReason) this.#controller.abort(abortError(this.task.id, this.abortReason));",
      replace: "",
    }],
    test: "tests/unit/consumer/consumer.test.ts",
    name: "a signal that is asked for after the abort",
  },
  {
    no: 6,
    what: "a command that arrives while the handler returns is swallowed",
    edits: [{
      file: "src/protocol/state/task-machine.ts",
      find: "for (const { message } of commands.queued) now = carriedOut(now, message, atMs);",
      replace: "",
    }],
    test: "tests/unit/protocol/state/task-machine.test.ts",
    name: "what waits when an attempt ends is carried out",
  },
  {
    no: 7,
    what: "what the store could not take counts as stored",
    edits: [{
      file: "src/store/sqlite-thread.ts",
      find: "    timer = setTimeout(flush, RETRY_MS);\n    return;",
      replace: "",
    }],
    test: "tests/unit/store/disk.test.ts",
    name: "a full disk acks nothing",
  },
  {
    no: 8,
    what: "an error handler that answers pause or kill fails the task",
    edits: [{
      file: "src/consumer/error-policy.ts",
      find: `return { type: "error", ...texts, forMs: 0, then: decision.type };`,
      replace: `return { type: "fail", ...texts, because: "errors" };`,
    }],
    test: "tests/unit/consumer/error-handler.test.ts",
    name: "8: an error handler that answers",
  },
  {
    no: 9,
    what: "a throw counts as done",
    edits: [{
      file: "src/consumer/consumer.ts",
      find: "this.#end(attempt, endingOfError(attempt, error, this.#environment));",
      replace: "this.#end(attempt, endingOfValue(attempt, String(error), this.#environment));",
    }],
    test: "tests/unit/consumer/consumer.test.ts",
    name: "a handler that throws at once",
  },
  {
    no: 10,
    what: "the message of an error does not travel",
    edits: [{
      file: "src/protocol/wire/tasks.ts",
      find: `if (message.type === "error") w.text(LIMITS.errorMessageBytesMax, message.message);`,
      replace: `if (message.type === "error") w.text(LIMITS.errorMessageBytesMax, "{}");`,
    }],
    test: "tests/unit/protocol/wire/roundtrip.test.ts",
    name: "any operation survives",
  },
  {
    no: 11,
    what: "a handler that does not stop holds up the drain",
    edits: [{
      file: "src/node/node.ts",
      find: "await Promise.race([idle, late.promise]);",
      replace: "await idle;",
    }],
    test: ON_CLUSTERS,
    name: "11 and 17: a handler that never stops",
  },
  {
    no: 12,
    what: "a stop before the node serves is forgotten",
    edits: [{
      file: "src/node/node.ts",
      find: "this.#stopping ??= this.#stop(options.now ?? false, leave);",
      replace: `this.#stopping ??= this.#state === "starting"
      ? Promise.resolve()
      : this.#stop(options.now ?? false, leave);`,
    }],
    test: ON_CLUSTERS,
    name: "12: a node that is stopped before it ever served",
  },
  {
    no: 13,
    what: "two nodes of one name are both accepted",
    edits: [{
      file: "src/protocol/roster/pending-changes.ts",
      find: "if (double && this.#context.isConnected(double.no)) {",
      replace: "if (double && !this.#context.isConnected(double.no)) {",
    }],
    test: "tests/parity/names.test.ts",
    name: "13: a second node of one name",
  },
  {
    no: 14,
    what: "who loses a lease dies",
    edits: [{
      file: "src/node/node.ts",
      find: `return this.#events.emit(event.held ? "quorum:regained" : "quorum:lost", {});`,
      replace: `if (!event.held) void this.stop({ now: true });
        return;`,
    }],
    test: ON_CLUSTERS,
    name: "14: who loses its leases",
  },
  {
    no: 15,
    what: "one blip and the lease is lost: no renewal is tried again",
    edits: [{
      file: "src/protocol/holder/lease-holder.ts",
      find: "if (leaseMs >= validUntilMs) this.#lapse(session);",
      replace: "if (leaseMs >= validUntilMs - this.#context.options.leaseTtlMs * 0.6) this.#lapse(session);",
    }],
    test: ON_CLUSTERS,
    name: "15: a blip that is shorter",
  },
  {
    no: 16,
    what: "an event that is missed orphans a task for ever",
    edits: [{
      file: "src/protocol/steward/dispatcher.ts",
      find: "if (steward.dispatch(priority, this.#round)) this.waiting.add(steward);",
      replace: "steward.dispatch(priority, this.#round);",
    }],
    test: ON_CLUSTERS,
    name: "16: every runnable task",
  },
  {
    no: 17,
    what: "a shutdown has no bound",
    edits: [{
      file: "src/node/node.ts",
      find: "await Promise.race([idle, late.promise]);",
      replace: "await idle;",
    }],
    test: ON_CLUSTERS,
    name: "11 and 17: a handler that never stops",
  },
  {
    no: 18,
    what: "a freeze is shown nowhere",
    edits: [{
      file: "src/coordinator/members.ts",
      find: `frozen: (news?.frozen ?? false) && (state === "up" || state === "draining"),`,
      replace: "frozen: false,",
    }],
    test: "tests/unit/testing/kit-commands.test.ts",
    name: "a freeze lasts as long as the process",
  },
];
