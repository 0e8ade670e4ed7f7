/** The parts of one engine, for those that route between them. */
import type { Core } from "./context/context.ts";
import type { Credit } from "./holder/credit.ts";
import type { Desks } from "./steward/steward.ts";
import type { Dispatcher } from "./steward/dispatcher.ts";
import type { Founding } from "./roster/founding.ts";
import type { Joining } from "./roster/joining.ts";
import type { Keepers } from "./log/keeper-table.ts";
import type { Membership } from "./roster/membership.ts";
import type { NodeCommands } from "./client/node-commands.ts";
import type { Requests } from "./client/requests.ts";
import type { Sessions } from "./context/liveness.ts";
import type { LeaseHolder } from "./holder/lease-holder.ts";

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
