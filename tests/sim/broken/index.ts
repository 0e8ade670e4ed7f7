/** All deliberately broken protocols. */
import type { Mutant } from "../mutant.ts";
import { mutant as appendAckedBeforeDurable } from "./append-acked-before-durable.ts";
import { mutant as appendBelowPromise } from "./append-below-promise.ts";
import { mutant as attachNumberIgnored } from "./attach-number-ignored.ts";
import { mutant as attachUnbound } from "./attach-unbound.ts";
import { mutant as commitBeyondMatch } from "./commit-beyond-match.ts";
import { mutant as condemnedSessionGoesOn } from "./condemned-session-goes-on.ts";
import { mutant as deadReignFlushes } from "./dead-reign-flushes.ts";
import { mutant as driftIgnored } from "./drift-ignored.ts";
import { mutant as duplicateGrantStartsTwice } from "./duplicate-grant-starts-twice.ts";
import { mutant as finishedTaskForgotten } from "./finished-task-forgotten.ts";
import { mutant as grantOfOlderAttach } from "./grant-of-older-attach.ts";
import { mutant as lateDuplicateCuts } from "./late-duplicate-cuts.ts";
import { mutant as leaseFromAck } from "./lease-from-ack.ts";
import { mutant as lostGrantNeverResent } from "./lost-grant-never-resent.ts";
import { mutant as oldBallotCounted } from "./old-ballot-counted.ts";
import { mutant as oneVouchIsEnough } from "./one-vouch-is-enough.ts";
import { mutant as pausedKeeperHasty } from "./paused-keeper-hasty.ts";
import { mutant as promiseNotDurable } from "./promise-not-durable.ts";
import { mutant as quorumFloor } from "./quorum-floor.ts";
import { mutant as readWithoutQuorum } from "./read-without-quorum.ts";
import { mutant as reconcileSpares } from "./reconcile-spares.ts";
import { mutant as replyBeforeQuorum } from "./reply-before-quorum.ts";
import { mutant as revertAtOnce } from "./revert-at-once.ts";
import { mutant as revertWithoutWait } from "./revert-without-wait.ts";
import { mutant as settleByIdOnly } from "./settle-by-id-only.ts";
import { mutant as shorterLogCrowned } from "./shorter-log-crowned.ts";
import { mutant as silentSinceForEver } from "./silent-since-for-ever.ts";
import { mutant as snapshotInstalledEarly } from "./snapshot-installed-early.ts";
import { mutant as snapshotOfUnchosen } from "./snapshot-of-unchosen.ts";
import { mutant as snapshotOverAcked } from "./snapshot-over-acked.ts";
import { mutant as unchosenRead } from "./unchosen-read.ts";
import { mutant as unknownBelieved } from "./unknown-believed.ts";
import { mutant as vouchForCondemned } from "./vouch-for-condemned.ts";

export const MUTANTS: readonly Mutant[] = [
  replyBeforeQuorum,
  quorumFloor,
  promiseNotDurable,
  appendBelowPromise,
  appendAckedBeforeDurable,
  oldBallotCounted,
  shorterLogCrowned,
  leaseFromAck,
  oneVouchIsEnough,
  silentSinceForEver,
  driftIgnored,
  revertAtOnce,
  revertWithoutWait,
  attachUnbound,
  attachNumberIgnored,
  grantOfOlderAttach,
  duplicateGrantStartsTwice,
  settleByIdOnly,
  finishedTaskForgotten,
  lateDuplicateCuts,
  condemnedSessionGoesOn,
  lostGrantNeverResent,
  snapshotInstalledEarly,
  snapshotOverAcked,
  pausedKeeperHasty,
  commitBeyondMatch,
  unchosenRead,
  readWithoutQuorum,
  unknownBelieved,
  deadReignFlushes,
  snapshotOfUnchosen,
  reconcileSpares,
  vouchForCondemned,
];
