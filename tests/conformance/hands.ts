/** A consumer without handlers, for the conformance suite: tests end by hand what it was granted. */
import type { ConsumerControl, ConsumerPort, OwnNode } from "../../src/coordinator/coordinator.ts";
import type { GrantedTask, NodeCommand, NodeCommandStatus } from "../../src/protocol/model/messages.ts";
import type { Settlement } from "../../src/protocol/model/types.ts";

export interface Start {
  readonly p: number;
  readonly task: GrantedTask;
  /** Reports how it ended, or a checkpoint; resolves with whether that was recorded. */
  settle(settlement: Settlement, fence?: number): Promise<boolean>;
}

/** Keeps what it is granted until a test takes it. */
export class Hands implements ConsumerPort, OwnNode {
  /** What it was asked to do; it says so, and does nothing. */
  readonly commands: NodeCommand[] = [];
  readonly #starts: Start[] = [];
  readonly #answers: Map<string, (accepted: boolean) => void> = new Map();
  readonly #control: () => ConsumerControl;
  readonly #onStart: () => void;
  #seq = 0;

  constructor(control: () => ConsumerControl, onStart: () => void) {
    this.#control = control;
    this.#onStart = onStart;
  }

  get control(): ConsumerControl {
    return this.#control();
  }

  consumer(): ConsumerPort {
    return this;
  }

  onNodeCommand(command: NodeCommand): NodeCommandStatus {
    this.commands.push(command);
    return command.type === "stopTask" ? "missing" : "done";
  }

  take(id: string): Start | undefined {
    const at = this.#starts.findIndex((start) => start.task.id === id);
    return at < 0 ? undefined : this.#starts.splice(at, 1)[0];
  }

  start(p: number, task: GrantedTask): void {
    const settle = (settlement: Settlement, fence = task.fence): Promise<boolean> => {
      const seq = ++this.#seq;
      return new Promise((resolve) => {
        this.#answers.set(`${p} ${fence} ${seq}`, resolve);
        this.control.settle({ p, id: task.id, fence, seq, upTo: 0 }, settlement);
      });
    };
    this.#starts.push({ p, task, settle });
    this.#onStart();
  }

  command(): void {}
  abort(): void {}
  lost(): void {}
  load(): number {
    return 0;
  }

  settled(p: number, fence: number, seq: number, accepted: boolean): void {
    this.#answers.get(`${p} ${fence} ${seq}`)?.(accepted);
  }
}
