/** Sorts the records of a micro-batch by their outcomes: finished, to be tried again and why, to be sent on. */
import type { Dependency } from '../dependency';
import type { FailurePolicy } from '../failure-policy';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Absence } from '../failures/admission';
import { nextStep, nextStepOfError, ownFault, type NextStep } from '../failures/next-step';
import type { OthersSuccess, Lane, Unsent } from './lane';
import type { FailedRecord } from '../failures/failure-publisher';
import type { MicroBatch } from './micro-batch';
import { halt, type Outcome } from '../outcome';
import type { ConsumedRecord } from '../subscription';

/** The rest of the work after a micro-batch; of each kind of failure the first one. */
export class BatchResult {
  readonly finished: FetchedRecord[] = [];
  /** Put back into the lane, in order. */
  readonly unfinished: FetchedRecord[] = [];
  /** Copied before they are finished; until then they are in `unfinished`, too. */
  readonly toPublish: FailedRecord[] = [];
  /** How many of the finished records are so because their copies are safe. */
  published = 0;
  readonly absent: Absence[] = [];
  retry: Error | null = null;
  /** Failed records that could not be written. */
  unsent: Unsent | null = null;
  /** The effect of some record is complete, so its dependencies are available. */
  isProof = false;
  /** It failed while others succeeded: that says nothing about the dependency. */
  isContradicted = false;
  /** An unforeseen error, for an operator to look at. */
  stuck: Error | null = null;
  halt: { readonly error: Error; readonly offset: number } | null = null;

  /** No record has been handled anew: only the failed records are sent. */
  static ofUnsent({ failedRecords, unfinished }: Unsent): BatchResult {
    const result = new BatchResult();
    result.toPublish.push(...failedRecords);
    result.unfinished.push(...unfinished);
    return result;
  }

  /** It waits for an unavailable dependency, and no attempt is counted. */
  get isHeld(): boolean {
    return this.absent.length > 0 || (this.unsent !== null && this.stuck === null);
  }

  add(record: FetchedRecord, step: NextStep, lane: Lane, rules: ResultRules): void {
    if (step.kind === 'finished') {
      this.finished.push(record);
      return;
    }
    this.unfinished.push(record);
    if (step.kind === 'halted') this.halt ??= { error: step.error, offset: record.offset };
    else if (step.kind === 'redirect' && rules.mayWrite)
      this.#addFailedRecord(record, step, lane, rules);
    else this.#addRetry(step);
  }

  /** The copies are safe: their originals are finished. */
  wasPublished(): void {
    const sent = new Set(this.toPublish.map(({ record }) => record));
    this.finished.push(...sent);
    this.published = sent.size;
    const left = this.unfinished.filter((record) => !sent.has(record));
    this.unfinished.splice(0, this.unfinished.length, ...left);
  }

  /** @param isRefused no server is unavailable: the copy would be refused again. */
  wasNotPublished(error: Error, isRefused: boolean): void {
    const { toPublish, unfinished } = this;
    this.unsent = { failedRecords: toPublish, unfinished, error };
    this.retry ??= error;
    if (isRefused) this.stuck ??= error;
  }

  /** Whether it failed on a dependency that all records need. */
  isOfAll(needs: readonly Dependency[]): boolean {
    return this.isContradicted || this.absent.some(({ dependency }) => needs.includes(dependency));
  }

  #addFailedRecord(
    record: FetchedRecord,
    { error, poison }: Extract<NextStep, { kind: 'redirect' }>,
    { failed, rests }: Lane,
    { nowMs }: ResultRules,
  ): void {
    const { times, firstAtMs } = failed.get(record.offset) ?? { times: 1, firstAtMs: nowMs };
    const rest = rests.get(record.offset);
    this.toPublish.push({ record, error, poison, rest, failed: times, firstFailedAtMs: firstAtMs });
  }

  #addRetry(step: Extract<NextStep, { kind: 'again' | 'held' | 'stuck' | 'redirect' }>): void {
    const { error } = step;
    this.retry ??= error;
    if (step.kind === 'stuck') this.stuck ??= error;
    if (step.kind === 'redirect') this.stuck ??= new TooManyFailuresError(error);
    if (step.kind !== 'held') return;
    if (!step.isOverload) this.absent.push({ dependency: step.dependency, error });
  }
}

class TooManyFailuresError extends Error {
  override readonly name = 'TooManyFailuresError';

  constructor(cause: Error) {
    super(
      'Too many records in a row have failed, so this process is suspected: no record is sent to retry topics or ' +
        'dead letters until one succeeds. If the records are at fault, raise FAILURES_IN_A_ROW_MAX. ' +
        `The last reason: ${cause.message}`,
      { cause },
    );
  }
}

export interface ResultRules {
  readonly policy: FailurePolicy;
  /** After so many failures for its own reasons a record goes to the retry topics. */
  readonly triesInPlace: number;
  /** Failed records may be written: not after too many in a row. */
  readonly mayWrite: boolean;
  readonly admission: OthersSuccess;
  readonly nowMs: number;
}

/** Notes in the lane what the next attempt needs, and returns what is left. Failed records are still to be sent. */
export function batchResult(
  lane: Lane,
  batch: MicroBatch,
  outcomes: readonly Outcome[],
  rules: ResultRules,
): BatchResult {
  const result = new BatchResult();
  batch.fetched.forEach((record, index) => {
    // handleAll guarantees one outcome for each record; a record without one is not done.
    const outcome = outcomes[index] ?? halt(new Error('A record was given no outcome.'));
    if (outcome.kind === 'done' || outcome.kind === 'skip') {
      result.finished.push(record);
      if (outcome.kind === 'done' && !outcome.provesNothing) result.isProof = true;
      return;
    }
    remember(lane, record.offset, batch.records[index], outcome);
    const isOwn = isOwnFault(outcome, record, lane, rules);
    const failed = isOwn ? lane.countFailure(record.offset, rules.nowMs) : 0;
    const step = nextStep(outcome, failed, rules.policy, rules.triesInPlace);
    result.add(record, doubted(step, record, lane, rules, result), lane, rules);
  });
  const { failure } = batch;
  const first = lane.first();
  if (failure && first && batch.fetched.length === 0) {
    const inPlace = { ...rules, policy: { ...rules.policy, retryTopics: [] } };
    const step = nextStepOfError(failure, 0, inPlace.policy, rules.triesInPlace);
    // Nothing was taken off the lane: only a failed record is.
    result.add(first, doubted(step, first, lane, inPlace, result), lane, rules);
  }
  return result;
}

/** If others succeed against the dependency that this record finds down, blame the record. */
function doubted(
  step: NextStep,
  record: FetchedRecord,
  lane: Lane,
  { policy, triesInPlace, admission, nowMs }: ResultRules,
  result: BatchResult,
): NextStep {
  // The brake holds by a decision: a record that passes it proves nothing for the others.
  if (step.kind !== 'held' || step.isOverload || step.dependency === 'brake') return step;
  if (!lane.countDoubt(record.offset, step.dependency, admission)) return step;
  result.isContradicted = true;
  return ownFault(step.error, lane.countFailure(record.offset, nowMs), policy, triesInPlace);
}

function isOwnFault(
  outcome: Outcome,
  { offset }: FetchedRecord,
  lane: Lane,
  { policy, nowMs }: ResultRules,
): boolean {
  const isTried = outcome.kind === 'partly' || outcome.kind === 'retry';
  const verdict = isTried ? policy.classify(outcome.error) : null;
  const patienceMs = verdict?.kind === 'wait' ? (verdict.patienceMs ?? Infinity) : Infinity;
  // A wait without a limit never counts as a failure.
  if (patienceMs === Infinity) {
    lane.waitsSinceMs.delete(offset);
    return verdict?.kind === 'transient';
  }
  const sinceMs = lane.waitsSinceMs.get(offset) ?? nowMs;
  lane.waitsSinceMs.set(offset, sinceMs);
  return nowMs - sinceMs >= patienceMs;
}

function remember(
  lane: Lane,
  offset: number,
  record: ConsumedRecord<unknown> | undefined,
  outcome: Outcome,
): void {
  if (!record) return;
  lane.attempts.set(offset, record.attempt);
  lane.decoded.set(offset, outcome.kind === 'partly' ? outcome.rest : record.value);
  if (outcome.kind === 'partly') lane.rests.set(offset, outcome.rest);
}
