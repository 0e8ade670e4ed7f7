/** The roles of one engine, for those that route between them. */
import type { Context } from "./context/context.ts";
import type { Credit } from "./holder/credit.ts";
import type { Stewards } from "./steward/steward.ts";
import type { Dispatcher } from "./steward/dispatcher.ts";
import type { Founding } from "./roster/founding.ts";
import type { Joining } from "./roster/joining.ts";
import type { KeeperTable } from "./log/keeper-table.ts";
import type { Membership } from "./roster/membership.ts";
import type { NodeCommands } from "./client/node-commands.ts";
import type { Requests } from "./client/requests.ts";
import type { Liveness } from "./context/liveness.ts";
import type { LeaseHolder } from "./holder/lease-holder.ts";

export interface Roles {
  readonly context: Context;
  readonly liveness: Liveness;
  readonly credit: Credit;
  readonly dispatcher: Dispatcher;
  readonly stewards: Stewards;
  readonly founding: Founding;
  readonly requests: Requests;
  readonly holder: LeaseHolder;
  readonly keepers: KeeperTable;
  readonly membership: Membership;
  readonly joining: Joining;
  readonly nodeCommands: NodeCommands;
}
