/** Answers of one reign to one member, gathered over a step: one message of a kind leaves at its end. */
import type { Core } from "./core.ts";
import type { Outcome, SettleReplyMessage, SubmitReplyMessage } from "./messages.ts";
import type { MemberNo } from "./types.ts";

interface Tray {
  readonly submits: SubmitReplyMessage["items"][number][];
  readonly settles: SettleReplyMessage["items"][number][];
  readonly outcomes: Outcome[];
}

export class Trays {
  readonly #core: Core;
  readonly #p: number;
  readonly #trayByMember: Map<MemberNo, Tray> = new Map();

  constructor(core: Core, p: number) {
    this.#core = core;
    this.#p = p;
  }

  for(no: MemberNo): Tray {
    let tray = this.#trayByMember.get(no);
    if (!tray) this.#trayByMember.set(no, tray = { submits: [], settles: [], outcomes: [] });
    return tray;
  }

  flush(): void {
    const p = this.#p;
    for (const [no, { submits, settles, outcomes }] of this.#trayByMember) {
      if (submits.length > 0) this.#core.send(no, { type: "submitReply", p, items: submits.splice(0) });
      if (settles.length > 0) this.#core.send(no, { type: "settleReply", p, items: settles.splice(0) });
      if (outcomes.length > 0) this.#core.send(no, { type: "outcome", p, items: outcomes.splice(0) });
    }
  }
}
