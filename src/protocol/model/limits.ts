/**
 * Every bound of the protocol, each with its reason. The codec enforces them on both sides, so that nothing
 * is sent that a peer would refuse; the engine stays below them by its options.
 */
export const LIMITS = {
  // ---- texts ----------------------------------------------------------------------------------------------
  /** Task and node ids: long enough for a hash, a URL or a path; 10,000 of them still fit one frame. */
  idBytesMax: 256,
  /** Names of tasks, nodes and handlers, keys and values of labels: words that people read. */
  nameBytesMax: 256,
  /** A founding and the cluster it makes: an order key, a nonce and a node id. */
  foundingBytesMax: 512,
  /** Message of an error: `errorsPerTaskMax` of them are kept with every task. Longer ones are clipped. */
  errorMessageBytesMax: 2048,
  /** The causes of an error, a line each; of a command that failed, what it wrote last. */
  errorCauseBytesMax: 2048,
  /** An error in all: its message, its causes and as much of its stack as there is room for. */
  errorBytesMax: 4096,
  /** Why a member declined a task: half a sentence. */
  declineWhyBytesMax: 256,
  /** Why a task does not run: one sentence that may quote an error. */
  whyBytesMax: 4096,

  // ---- tasks ----------------------------------------------------------------------------------------------
  /** One operation of the log: a payload and room for its task's id, name and times. */
  operationBytesMax: 266_240,
  /** A payload, a result or a checkpoint: small enough that one entry never stalls a heartbeat's stream. */
  payloadBytesMax: 262_144,
  /** What a handler reports of how far it is: people read it, and it is kept beside the checkpoint. */
  progressBytesMax: 4096,
  /** Commands that wait for one task's holder: beyond it commands are answered "busy". */
  commandsQueuedMax: 64,
  /**
   * Ids of commands remembered with a task, so that repeated ones change nothing. docs/guarantees.md promises
   * 64 of those that were carried out; as many may wait.
   */
  commandsKnownMax: 96,
  /** Priorities are from minus this to this. */
  priorityMax: 1000,
  /** Weights of preferences are from minus this to this. */
  weightMax: 1000,
  /** Errors kept with a task, the last ones: what people look at, and a bound on the record. */
  errorsPerTaskMax: 8,
  /** Lapses kept with a task, the last ones: as many as it takes to fail by default, and some more. */
  lapsesPerTaskMax: 10,
  /** Charged lapses that a task may be given: each costs a process. */
  lapsesMaxMax: 1000,

  // ---- the log --------------------------------------------------------------------------------------------
  /** Entries of one append: 4096 at 100 bytes are 400 KiB, about what one turn of the loop can take. */
  entriesPerAppendMax: 4096,
  /** Entries of one durable record: a whole log that is kept in memory, never more. */
  entriesPerRecordMax: 1_048_576,
  /** Entries sent to one follower and not acked: two appends, then wait for it. */
  entriesInFlightMax: 8192,
  /**
   * Submits of one member, and as many commands, that a steward has decided and that the member has not
   * settled. It must forget none, since it could decide otherwise then: beyond it new ones wait at the
   * member. As many as may wait for a majority.
   */
  decisionsPerMemberMax: 16_384,
  /** Entries of a partition that wait for a majority: beyond it submits wait at whoever asks. */
  entriesUnchosenMax: 16_384,
  /** Chosen entries kept for slow followers: 128 partitions of it are 1 GiB, the most a node may spend. */
  logBytesMax: 8_388_608,
  /** A partition's state as a snapshot: retention keeps it far below; SQLite takes 10^9 in a row. */
  stateBytesMax: 900_000_000,
  /** One chunk of a snapshot: a quarter of a frame, so that other messages pass in between. */
  snapshotChunkBytesMax: 1_048_576,

  // ---- frames ---------------------------------------------------------------------------------------------
  /** Bytes of one frame: what a peer must be ready to hold before it can judge it. */
  frameBytesMax: 4_194_304,
  /** Messages of one frame: some for each of `partitionsMax` partitions. */
  messagesPerFrameMax: 65_536,
  /** Items of one message; longer lists go out as several messages. */
  itemsPerMessageMax: 8192,
  /**
   * Tasks that one node names as held in one partition: cannot be split, 65,536 ids of 60 bytes fit a
   * frame.
   */
  heldMax: 65_536,

  // ---- the cluster ----------------------------------------------------------------------------------------
  /** Members of a roster: heartbeats are one per pair with a keeper, rosters go whole. */
  membersMax: 1024,
  /** Member numbers are never reused: a million joins. Below 2^21, so that `(node, boot)` fits one number. */
  memberNoMax: 1_048_575,
  /** Boots of one identity: 32 bits, so that `(node, boot)` fits one number. */
  bootMax: 4_294_967_295,
  /** Partitions of a cluster: 64 for each of 64 keepers. */
  partitionsMax: 4096,
  /** Keepers of one configuration: a majority of more than 64 is never quick. */
  keepersMax: 64,
  /** Configurations of a partition that are not yet retired: one is the rule, two while it moves. */
  chainMax: 64,
  /** Configuration numbers in one heartbeat reply: at most one per partition. */
  vouchesMax: 4096,
  /** Handlers of one node. */
  handlersMax: 1024,
  /** Labels of one node. */
  labelsMax: 64,
  /** Commands to this node that it remembers, so that a repeat is not done twice: people send few. */
  nodeCommandsMax: 1024,
} as const;

/** Members that may keep partitions: the first ones; in a larger cluster the others only run tasks. */
export const KEEPING_MEMBERS_MAX = 64;
