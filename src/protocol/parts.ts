/** The parts of one engine, for those that route between them. */
import type { Core } from "./core.ts";
import type { Credit } from "./credit.ts";
import type { Desks } from "./desks.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Founding } from "./founding.ts";
import type { Joining } from "./joining.ts";
import type { Keepers } from "./keepers.ts";
import type { Membership } from "./membership.ts";
import type { NodeCommands } from "./node-commands.ts";
import type { Requests } from "./requests.ts";
import type { Sessions } from "./sessions.ts";
import type { LeaseHolder } from "./worker.ts";

export interface Parts {
  readonly core: Core;
  readonly sessions: Sessions;
  readonly credit: Credit;
  readonly dispatcher: Dispatcher;
  readonly desks: Desks;
  readonly founding: Founding;
  readonly requests: Requests;
  readonly worker: LeaseHolder;
  readonly keepers: Keepers;
  readonly membership: Membership;
  readonly joining: Joining;
  readonly nodeCommands: NodeCommands;
}
