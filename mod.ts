/**
 * Stolos: a masterless runner for long-running tasks. Nodes form a libp2p mesh; a consistent-hash ring says
 * who keeps and who runs each task; ownership is a lease that nothing but a quorum grants. No broker.
 *
 * ```ts
 * import { createNode, defineTask } from "stolos";
 *
 * const poll = defineTask<{ url: string }>({ name: "poll" });
 * await using node = await createNode();
 * node.handle(poll, async (task, ctx) => {
 *   await fetch(task.input.url, { signal: ctx.signal });
 * });
 * const handle = await node.client.submit(poll, { url: "https://example.com" }, { id: "poll-1" });
 * console.log(await handle.done());
 * ```
 *
 * @module
 */
import "./src/base/check-runtime.ts";
export { createNode } from "./src/node/create-node.ts";
export { connectClient, type ConnectOptions } from "./src/client/connect.ts";
export type { Node, RunningTaskInfo } from "./src/node/node-api.ts";
export { type HttpHandler, httpHandler, type HttpHandlerOptions } from "./src/observe/http-handler.ts";
export { type HttpAddress, type HttpServer, serveHttp } from "./src/observe/http-server.ts";
export {
  type MetricFamily,
  type MetricsRegistry,
  metricsRegistry,
  type MetricValue,
  type RegisteredMetric,
} from "./src/observe/registry.ts";
export { libp2pMetrics } from "./src/observe/libp2p-metrics.ts";
export { infoHandler, type NodeReport } from "./src/observe/info-handler.ts";
export type { NodeEventCounts, NodeState, NodeStats } from "./src/node/stats.ts";
export type { AttemptCount, AttemptOutcome } from "./src/consumer/attempt-events.ts";
export type { CoordinatorStats } from "./src/coordinator/stats.ts";
export type { LogLevel, LogRecord } from "./src/node/log.ts";
export { makePrivateKey, nodeIdOf } from "./src/mesh/private-key.ts";
export type { NodeOptions } from "./src/node/options.ts";
export type { SecurityOptions } from "./src/client/security-options.ts";
export type { BalanceOptions } from "./src/node/balance-options.ts";
export type { ObserveOptions } from "./src/node/options.ts";
export type { NodeEventMap, NodeEventType } from "./src/node/events.ts";
export type { AttemptInfo } from "./src/consumer/attempt-events.ts";
export type {
  CallTimes,
  Client,
  CommandOptions,
  OneStart,
  Outcome,
  SubmitOptions,
  TaskHandle,
  TaskInfo,
  TaskPage,
  TaskSummary,
  WatchOptions,
} from "./src/client/client.ts";
export type { CloneOptions, EndOptions, SweepCounts, SweepOptions } from "./src/client/endings.ts";
export type { ListFilter, ListOptions } from "./src/client/list-options.ts";
export type { RetentionOptions } from "./src/client/retention.ts";
export type { SubmitItem } from "./src/client/submission.ts";
export type { PlacementOptions, RecordOptions, RetryOptions } from "./src/client/task-options.ts";
export type {
  Balancer,
  BalancerContext,
  BalancerErrorInfo,
  ClaimRefusal,
  ClusterNode,
  OfferedTask,
  RunningTask,
} from "./src/consumer/balancers/balancer.ts";
export type { CallbackErrorInfo } from "./src/consumer/callback-error.ts";
export { fairBalancer, type FairBalancerOptions } from "./src/consumer/balancers/fair.ts";
export { dumbBalancer, sleepBalancer, type SleepBalancerOptions } from "./src/consumer/balancers/simple.ts";
export {
  resourceBalancer,
  type ResourceBalancerOptions,
  type ResourceReporter,
} from "./src/consumer/balancers/resource.ts";
export { cpuReporter, memoryReporter } from "./src/consumer/balancers/reporters.ts";
export { meteredBalancer, type MeteredBalancerOptions } from "./src/consumer/balancers/metered.ts";
export type { Meter } from "./src/consumer/task-load.ts";
export { defineTask } from "./src/task/definition.ts";
export type {
  SchemaInput,
  SchemaOutput,
  SchemaResult,
  StandardSchemaV1,
  Storable,
  SubmitInput,
  TaskDefinition,
} from "./src/task/definition.ts";
export type {
  ErrorHandler,
  HandlerFunction,
  HandlerOptions,
  Task,
  TaskFailure,
} from "./src/consumer/handler.ts";
export type { HandlerSource } from "./src/node/handler-options.ts";
export type { LoopBlockedInfo } from "./src/consumer/loop-watch.ts";
export type { Context } from "./src/consumer/context.ts";
export { type StatefulFunction, statefulHandler } from "./src/consumer/stateful.ts";
export type { AbsentKeeper, ClusterHealth } from "./src/coordinator/cluster-health.ts";
export type { LapseInfo, NodeInfo, TaskErrorInfo, TaskEvent } from "./src/coordinator/coordinator.ts";
export type { NodeCommand } from "./src/protocol/model/messages.ts";
export type { FailedBecause, Retention, TaskMessage, TaskState } from "./src/protocol/model/types.ts";
export {
  type AbortReason,
  AttemptAbortedError,
  BusyError,
  ConflictError,
  ConnectError,
  FatalError,
  InvalidInputError,
  InvalidResultError,
  type KeeperState,
  LeaseLostError,
  NoQuorumError,
  NotFoundError,
  type SchemaIssue,
  StateError,
  StoppedError,
  TooLargeError,
  TooOldError,
  UnknownOutcomeError,
  VersionMismatchError,
} from "./src/base/errors.ts";
export { StolosError } from "./src/protocol/model/stolos-error.ts";
export { sqliteStore } from "./src/store/sqlite-store.ts";
export { memoryStore } from "./src/store/memory-store.ts";
export type { Store } from "./src/store/store.ts";
export { StoreError, type StoreErrorCode } from "./src/store/store-error.ts";
