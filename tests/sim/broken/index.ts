/** All deliberately broken protocols. */
import type { Mutant } from "../mutant.ts";
import { mutant as acceptedRosterIgnored } from "./accepted-roster-ignored.ts";
import { mutant as apartIgnored } from "./apart-ignored.ts";
import { mutant as apartKeyKept } from "./apart-key-kept.ts";
import { mutant as appendAckedBeforeDurable } from "./append-acked-before-durable.ts";
import { mutant as appendBelowPromise } from "./append-below-promise.ts";
import { mutant as attachNumberIgnored } from "./attach-number-ignored.ts";
import { mutant as attachUnbound } from "./attach-unbound.ts";
import { mutant as baseFromOne } from "./base-from-one.ts";
import { mutant as baseWithoutTail } from "./base-without-tail.ts";
import { mutant as commandAckedAtOnce } from "./command-acked-at-once.ts";
import { mutant as commandDoneTwice } from "./command-done-twice.ts";
import { mutant as commandDroppedAtTheEnd } from "./command-dropped-at-the-end.ts";
import { mutant as commandNeverResent } from "./command-never-resent.ts";
import { mutant as clientAsksTheDeparted } from "./client-asks-the-departed.ts";
import { mutant as clientClockBelieved } from "./client-clock-believed.ts";
import { mutant as commitBeyondMatch } from "./commit-beyond-match.ts";
import { mutant as condemnedSessionGoesOn } from "./condemned-session-goes-on.ts";
import { mutant as deadTermFlushes } from "./dead-term-flushes.ts";
import { mutant as declineForgotten } from "./decline-forgotten.ts";
import { mutant as departedKeeperUnlisted } from "./departed-keeper-unlisted.ts";
import { mutant as driftIgnored } from "./drift-ignored.ts";
import { mutant as duplicateGrantStartsTwice } from "./duplicate-grant-starts-twice.ts";
import { mutant as epochsForNothing } from "./epochs-for-nothing.ts";
import { mutant as finishedTaskForgotten } from "./finished-task-forgotten.ts";
import { mutant as grantOfOlderAttach } from "./grant-of-older-attach.ts";
import { mutant as heldBackTimeBelieved } from "./held-back-time-believed.ts";
import { mutant as holderKnownByNumber } from "./holder-known-by-number.ts";
import { mutant as holderNotNotified } from "./holder-not-notified.ts";
import { mutant as installedKeeperHasty } from "./installed-keeper-hasty.ts";
import { mutant as lapseNotReported } from "./lapse-not-reported.ts";
import { mutant as lapseReportDropped } from "./lapse-report-dropped.ts";
import { mutant as lateDuplicateCuts } from "./late-duplicate-cuts.ts";
import { mutant as lateWordIsLife } from "./late-word-is-life.ts";
import { mutant as leaseFromAck } from "./lease-from-ack.ts";
import { mutant as leftAsksAgain } from "./left-asks-again.ts";
import { mutant as leftBeforeKnown } from "./left-before-known.ts";
import { mutant as limitIgnored } from "./limit-ignored.ts";
import { mutant as lostGrantNeverResent } from "./lost-grant-never-resent.ts";
import { mutant as lostWithoutMargin } from "./lost-without-margin.ts";
import { mutant as marginFromLoss } from "./margin-from-loss.ts";
import { mutant as startUnchecked } from "./start-unchecked.ts";
import { mutant as startWithinMargin } from "./start-within-margin.ts";
import { mutant as misplacedGrantIgnored } from "./misplaced-grant-ignored.ts";
import { mutant as noWayRound } from "./no-way-round.ts";
import { mutant as nobodyAsked } from "./nobody-asked.ts";
import { mutant as numberGivenTwice } from "./number-given-twice.ts";
import { mutant as oldBallotCounted } from "./old-ballot-counted.ts";
import { mutant as oldKeepersNotSealed } from "./old-keepers-not-sealed.ts";
import { mutant as olderCheckpointStored } from "./older-checkpoint-stored.ts";
import { mutant as olderRosterAdopted } from "./older-roster-adopted.ts";
import { mutant as oneClockDecides } from "./one-clock-decides.ts";
import { mutant as oneVouchIsEnough } from "./one-vouch-is-enough.ts";
import { mutant as parkedForEver } from "./parked-for-ever.ts";
import { mutant as partialCopyInstalled } from "./partial-copy-installed.ts";
import { mutant as passedOverTakesOver } from "./passed-over-takes-over.ts";
import { mutant as pausedKeeperHasty } from "./paused-keeper-hasty.ts";
import { mutant as pinIgnored } from "./pin-ignored.ts";
import { mutant as predecessorSkipped } from "./predecessor-skipped.ts";
import { mutant as promiseNotDurable } from "./promise-not-durable.ts";
import { mutant as quorumFloor } from "./quorum-floor.ts";
import { mutant as readWithoutQuorum } from "./read-without-quorum.ts";
import { mutant as reconcileSpares } from "./reconcile-spares.ts";
import { mutant as recoveryBelievesSealed } from "./recovery-believes-sealed.ts";
import { mutant as recoveryLeapsFromCopies } from "./recovery-leaps-from-copies.ts";
import { mutant as recoveryNamedAlike } from "./recovery-named-alike.ts";
import { mutant as recoveryOfAnyCopy } from "./recovery-of-any-copy.ts";
import { mutant as recoveryWithoutBallot } from "./recovery-without-ballot.ts";
import { mutant as replyBeforeQuorum } from "./reply-before-quorum.ts";
import { mutant as reportRefusedAtOnce } from "./report-refused-at-once.ts";
import { mutant as requiresIgnored } from "./requires-ignored.ts";
import { mutant as revertAtOnce } from "./revert-at-once.ts";
import { mutant as revertWithoutWait } from "./revert-without-wait.ts";
import { mutant as rosterNotDecided } from "./roster-not-decided.ts";
import { mutant as rosterStorm } from "./roster-storm.ts";
import { mutant as sealNotDurable } from "./seal-not-durable.ts";
import { mutant as sealedKeeperVouches } from "./sealed-keeper-vouches.ts";
import { mutant as sealersNotNamed } from "./sealers-not-named.ts";
import { mutant as settleByIdOnly } from "./settle-by-id-only.ts";
import { mutant as shorterLogElected } from "./shorter-log-elected.ts";
import { mutant as silentSinceForEver } from "./silent-since-for-ever.ts";
import { mutant as snapshotInstalledEarly } from "./snapshot-installed-early.ts";
import { mutant as snapshotOfUnchosen } from "./snapshot-of-unchosen.ts";
import { mutant as snapshotOverAcked } from "./snapshot-over-acked.ts";
import { mutant as timeGoesBack } from "./time-goes-back.ts";
import { mutant as unchosenRead } from "./unchosen-read.ts";
import { mutant as unknownBelieved } from "./unknown-believed.ts";
import { mutant as voteNotDurable } from "./vote-not-durable.ts";
import { mutant as vouchForCondemned } from "./vouch-for-condemned.ts";
import { mutant as vouchesAddedUp } from "./vouches-added-up.ts";
import { mutant as refusalForgotten } from "./refusal-forgotten.ts";
import { mutant as settledCopyTaken } from "./settled-copy-taken.ts";
import { mutant as copyForAnyTerm } from "./copy-for-any-term.ts";
import { mutant as refusalOfAnyTerm } from "./refusal-of-any-term.ts";
import { mutant as refusalWithoutRound } from "./refusal-without-round.ts";
import { mutant as sentByTheNetwork } from "./sent-by-the-network.ts";
import { mutant as listByCreation } from "./list-by-creation.ts";
import { mutant as endOfAnotherTask } from "./end-of-another-task.ts";
import { mutant as acceptedCopyTakenAgain } from "./accepted-copy-taken-again.ts";
import { mutant as acceptedSubmitTakenAgain } from "./accepted-submit-taken-again.ts";
import { mutant as silenceCountedAsDeath } from "./silence-counted-as-death.ts";
import { mutant as neighboursCharged } from "./neighbours-charged.ts";
import { mutant as suspectStartedAtOnce } from "./suspect-started-at-once.ts";
import { mutant as probationIgnored } from "./probation-ignored.ts";
import { mutant as lapsesUncharged } from "./lapses-uncharged.ts";
import { mutant as proofByTheNextLife } from "./proof-by-the-next-life.ts";
import { mutant as expiryNeverTold } from "./expiry-never-told.ts";
import { mutant as startAfterExpiry } from "./start-after-expiry.ts";
import { mutant as lateCompletionCounts } from "./late-completion-counts.ts";
import { mutant as horizonKept } from "./horizon-kept.ts";
import { mutant as retryWithoutFence } from "./retry-without-fence.ts";
import { mutant as purgeOfRunning } from "./purge-of-running.ts";
import { mutant as fenceStartsAnew } from "./fence-starts-anew.ts";
import { mutant as endsAlike } from "./ends-alike.ts";
import { mutant as purgedSubmitTakenAgain } from "./purged-submit-taken-again.ts";
import { mutant as ownRetentionIgnored } from "./own-retention-ignored.ts";
import { mutant as wishOfTheDeparted } from "./wish-of-the-departed.ts";

export const MUTANTS: readonly Mutant[] = [
  acceptedRosterIgnored,
  apartIgnored,
  apartKeyKept,
  appendAckedBeforeDurable,
  appendBelowPromise,
  attachNumberIgnored,
  attachUnbound,
  baseFromOne,
  baseWithoutTail,
  commandAckedAtOnce,
  commandDoneTwice,
  commandDroppedAtTheEnd,
  commandNeverResent,
  clientAsksTheDeparted,
  clientClockBelieved,
  commitBeyondMatch,
  condemnedSessionGoesOn,
  deadTermFlushes,
  declineForgotten,
  departedKeeperUnlisted,
  driftIgnored,
  duplicateGrantStartsTwice,
  epochsForNothing,
  finishedTaskForgotten,
  grantOfOlderAttach,
  heldBackTimeBelieved,
  holderKnownByNumber,
  holderNotNotified,
  installedKeeperHasty,
  lapseNotReported,
  lapseReportDropped,
  lateDuplicateCuts,
  lateWordIsLife,
  leaseFromAck,
  leftAsksAgain,
  leftBeforeKnown,
  limitIgnored,
  lostGrantNeverResent,
  lostWithoutMargin,
  marginFromLoss,
  startUnchecked,
  startWithinMargin,
  misplacedGrantIgnored,
  noWayRound,
  nobodyAsked,
  numberGivenTwice,
  oldBallotCounted,
  oldKeepersNotSealed,
  olderCheckpointStored,
  olderRosterAdopted,
  oneClockDecides,
  oneVouchIsEnough,
  parkedForEver,
  partialCopyInstalled,
  passedOverTakesOver,
  pausedKeeperHasty,
  pinIgnored,
  predecessorSkipped,
  promiseNotDurable,
  quorumFloor,
  readWithoutQuorum,
  reconcileSpares,
  recoveryBelievesSealed,
  recoveryLeapsFromCopies,
  recoveryNamedAlike,
  recoveryOfAnyCopy,
  recoveryWithoutBallot,
  replyBeforeQuorum,
  reportRefusedAtOnce,
  requiresIgnored,
  revertAtOnce,
  revertWithoutWait,
  rosterNotDecided,
  rosterStorm,
  sealNotDurable,
  sealedKeeperVouches,
  sealersNotNamed,
  settleByIdOnly,
  shorterLogElected,
  silentSinceForEver,
  snapshotInstalledEarly,
  snapshotOfUnchosen,
  snapshotOverAcked,
  timeGoesBack,
  unchosenRead,
  unknownBelieved,
  voteNotDurable,
  vouchForCondemned,
  vouchesAddedUp,
  refusalForgotten,
  settledCopyTaken,
  copyForAnyTerm,
  refusalOfAnyTerm,
  refusalWithoutRound,
  sentByTheNetwork,
  listByCreation,
  endOfAnotherTask,
  acceptedCopyTakenAgain,
  acceptedSubmitTakenAgain,
  silenceCountedAsDeath,
  neighboursCharged,
  suspectStartedAtOnce,
  probationIgnored,
  lapsesUncharged,
  proofByTheNextLife,
  expiryNeverTold,
  startAfterExpiry,
  lateCompletionCounts,
  horizonKept,
  retryWithoutFence,
  purgeOfRunning,
  fenceStartsAnew,
  endsAlike,
  purgedSubmitTakenAgain,
  ownRetentionIgnored,
  wishOfTheDeparted,
];
