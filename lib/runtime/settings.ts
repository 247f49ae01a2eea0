/** The runtime's limits, with the defaults that were measured (see docs/architecture.md). */
import type { ClientSettings } from '../kafka/client-port';

export interface ConsumerSettings extends ClientSettings {
  /** Micro-batches that run at once in the process. */
  readonly concurrency: number;
  /** Intake of a partition pauses at this many buffered records or bytes, and resumes at half. */
  readonly partitionBufferRecords: number;
  readonly partitionBufferBytes: number;
  /** Bytes buffered in the process; beyond it a partition above its fair share pauses. */
  readonly processBufferBytes: number;
  /** How far records may be done beyond the oldest unfinished one; what the commit map can surely hold. */
  readonly windowRecords: number;
  /** Intake waits in the fetch callback for room before it pauses: pausing at once is 5 to 20 times slower. */
  readonly roomWaitMs: number;
  readonly commitEveryMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** A record that fails for its own reasons is tried so often in place before it goes to the retry topics. */
  readonly triesInPlace: number;
  /** So many records in a row may go to a retry or dead-letter topic; then the lanes hold instead. */
  readonly failureRunMax: number;
  /** Time to finish running micro-batches before a rejoin; must stay below `rebalanceTimeoutMs`. */
  readonly drainMs: number;
  /** A micro-batch that runs longer ends the process: heartbeats go on meanwhile, and would hide the hang for ever. */
  readonly progressDeadlineMs: number;
  /** `start` fails when the group has not been joined by then. */
  readonly startTimeoutMs: number;
}

export const defaultSettings: ConsumerSettings = {
  concurrency: 8,
  partitionBufferRecords: 10_000,
  partitionBufferBytes: 8 * 1024 * 1024,
  processBufferBytes: 64 * 1024 * 1024,
  windowRecords: 20_000,
  roomWaitMs: 20,
  commitEveryMs: 100,
  retryFirstMs: 100,
  retryMaxMs: 10_000,
  triesInPlace: 7,
  failureRunMax: 100,
  drainMs: 8_000,
  progressDeadlineMs: 300_000,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 12_000,
  heartbeatEveryMs: 2_000,
  fetchWaitMs: 250,
  fetchBytesPerPartition: 1024 * 1024,
  fetchMemoryBytes: 2 * 1024 * 1024,
  fetchBytes: 2 * 1024 * 1024,
  startTimeoutMs: 60_000,
  topicGoneMs: 30_000,
};

/** @throws Error that names the setting which contradicts another. */
export function checkSettings(settings: ConsumerSettings): void {
  if (settings.drainMs >= settings.rebalanceTimeoutMs) {
    throw new Error(
      'drainMs must be below rebalanceTimeoutMs, or the group rebalances without us.',
    );
  }
  if (settings.heartbeatEveryMs * 2 > settings.sessionTimeoutMs) {
    throw new Error('heartbeatEveryMs must be at most half of sessionTimeoutMs.');
  }
  if (settings.retryFirstMs > settings.retryMaxMs) {
    throw new Error('retryFirstMs must not be above retryMaxMs.');
  }
}
