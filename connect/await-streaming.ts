/** Waits until changes really stream: the state that Connect reports is not enough. */
import type { ConnectClient, ConnectorStatus } from '../lib/connect/connect-client';
import { ConnectUnavailableError } from '../lib/connect/connect-client';
import { summarizeTrace } from '../lib/connect/summarize-trace';
import type { ReplicationSlot } from '../lib/stores/postgres/replication-slot';
import type { Clock } from '../lib/process/clock';

/** The connector was applied, but it does not stream; the message gives the last state. */
export class NotStreamingError extends Error {
  override readonly name = 'NotStreamingError';
}

export interface StreamingWatch {
  readonly client: ConnectClient;
  readonly connector: string;
  readonly slotName: string;
  readonly readSlot: () => Promise<ReplicationSlot | null>;
  readonly clock: Clock;
  readonly limitMs: number;
  /** The stream that must have ended first, because its configuration was replaced; else null. */
  readonly formerPid: number | null;
  readonly report: (line: string) => void;
}

const lookEveryMs = 250;
/** A state from before the restart may still be reported for a moment; one that stays is true. */
const failedForMs = 3_000;

interface Look {
  readonly says: string;
  readonly failure: string | null;
  /** Position of the slot, while the connector streams from it. */
  readonly confirmedLsn: number | null;
}

/**
 * Done when every task is RUNNING, the slot is in use, and the slot has *moved* since: a heartbeat
 * has then gone through PostgreSQL's log, Debezium, Kafka and the stored offset, and back.
 *
 * @returns the slot as it was seen last.
 * @throws NotStreamingError after `limitMs`, or when a task stays FAILED.
 */
export async function awaitStreaming(
  watch: StreamingWatch,
  signal: AbortSignal,
): Promise<ReplicationSlot> {
  const deadlineMs = watch.clock.nowMs() + watch.limitMs;
  const failsForLong = failureTimer(watch);
  let startedAt: number | null = null;
  let said = '';
  for (;;) {
    const slot = await watch.readSlot();
    const look = await lookAt(watch, slot);
    if (look.says !== said) watch.report(look.says);
    said = look.says;
    startedAt ??= look.confirmedLsn;
    if (slot !== null && hasMoved(startedAt, look.confirmedLsn)) return slot;
    if (failsForLong(look.failure)) {
      throw new NotStreamingError(
        `The connector ${watch.connector} failed: ${look.failure ?? ''}.`,
      );
    }
    if (watch.clock.nowMs() >= deadlineMs) throw outOfTime(watch, said);
    await watch.clock.sleep(lookEveryMs, signal);
  }
}

const hasMoved = (from: number | null, to: number | null): boolean =>
  from !== null && to !== null && to > from;

function failureTimer(watch: StreamingWatch): (failure: string | null) => boolean {
  let sinceMs: number | null = null;
  return (failure) => {
    sinceMs = failure === null ? null : (sinceMs ?? watch.clock.nowMs());
    return sinceMs !== null && watch.clock.nowMs() - sinceMs >= failedForMs;
  };
}

const outOfTime = (watch: StreamingWatch, said: string): Error =>
  new NotStreamingError(
    `The connector ${watch.connector} does not stream after ${watch.limitMs / 1000} s. Last seen: ${said}. ` +
      `The workers' log says more; Debezium retries for ever when it cannot reach or enter the database.`,
  );

async function lookAt(watch: StreamingWatch, slot: ReplicationSlot | null): Promise<Look> {
  const status = await statusOf(watch);
  if (typeof status === 'string') return { says: status, failure: null, confirmedLsn: null };
  const parts = [status.connector, ...status.tasks];
  const failed = parts.find((part) => part.state === 'FAILED');
  if (failed) {
    const failure = summarizeTrace(failed.trace);
    return { says: `a task has failed: ${failure}`, failure, confirmedLsn: null };
  }
  const says = (text: string): Look => ({ says: text, failure: null, confirmedLsn: null });
  if (status.tasks.length === 0) return says('the connector waits for its task');
  const waiting = parts.find((part) => part.state !== 'RUNNING');
  if (waiting) return says(`the connector is ${waiting.state}`);
  if (slot === null) return says(`the task runs; the slot ${watch.slotName} is not there yet`);
  if (!slot.active) return says(`the task runs; no client streams from the slot ${slot.name} yet`);
  if (slot.activePid === watch.formerPid) return says('the former stream has not ended yet');
  return {
    says: 'the slot is in use; waiting for a heartbeat to move it',
    failure: null,
    confirmedLsn: slot.confirmedFlushLsn,
  };
}

async function statusOf(watch: StreamingWatch): Promise<ConnectorStatus | string> {
  try {
    const status = await watch.client.status(watch.connector);
    return status ?? 'Connect does not know the connector yet';
  } catch (error) {
    if (error instanceof ConnectUnavailableError) return 'Connect is settling';
    throw error;
  }
}
