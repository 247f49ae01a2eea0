/** Sorts the records of a micro-batch by their outcomes: finished, to be tried again and why, to be sent on. */
import type { Dependency } from '../dependency';
import type { FailurePolicy } from '../failure-policy';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Absence } from '../failures/admission';
import { nextStep, type NextStep } from '../failures/next-step';
import type { Lane, Unsent } from './lane';
import { countFailure, type OthersSuccess, type RecordHistory } from './record-history';
import type { FailedRecord } from '../failures/failure-publisher';
import type { MicroBatch } from './micro-batch';
import { retry, WrongOutcomesError, type Outcome } from '../outcome';
import type { ConsumedRecord } from '../subscription';
import type { RecordEnd, RuntimeObserver } from '../observer';
import { WaitError } from '../record-errors';
import { retryDelayMs } from '../../process/backoff';
import type { ConsumerSettings } from '../settings';

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
  /** A record failed on a dependency while others succeeded there: that says nothing about the dependency. */
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

  /**
   * Counts the failure in the record's history and sorts the record by the step that follows.
   * @param isHandled false for a record that could not be decoded: the handler has not failed on it.
   */
  addFailure(
    record: FetchedRecord,
    error: Error,
    lane: Lane,
    { policy, triesInPlace, admission, nowMs, mayWrite }: ResultRules,
    isHandled: boolean,
  ): void {
    const failureClass = policy.classify(error);
    const history = lane.historyOf(record.offset);
    const counted = countFailure(history, failureClass, { others: admission, nowMs, isHandled });
    if (counted.isContradicted) this.isContradicted = true;
    const step = nextStep({ error, failureClass, ...counted }, policy, triesInPlace);
    this.unfinished.push(record);
    if (step.kind === 'halted') this.halt ??= { error, offset: record.offset };
    else if (step.kind === 'redirect' && mayWrite) {
      this.toPublish.push(failedRecord(record, step, history, nowMs));
    } else this.#addRetry(step);
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
  failedOnSharedNeed(needs: readonly Dependency[]): boolean {
    return this.isContradicted || this.absent.some(({ dependency }) => needs.includes(dependency));
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

interface ResultRules {
  readonly policy: FailurePolicy;
  /** After so many failures for its own reasons a record goes to the retry topics. */
  readonly triesInPlace: number;
  /** False after too many failed records in a row: then none is sent to a retry topic or to the dead letters. */
  readonly mayWrite: boolean;
  readonly admission: OthersSuccess;
  readonly nowMs: number;
}

function failedRecord(
  record: FetchedRecord,
  { error, poison }: Extract<NextStep, { kind: 'redirect' }>,
  { failures, failingSinceMs, rest }: RecordHistory,
  nowMs: number,
): FailedRecord {
  const firstFailedAtMs = failingSinceMs ?? nowMs;
  return { record, error, poison, rest, failed: Math.max(failures, 1), firstFailedAtMs };
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
    const outcome =
      outcomes[index] ?? retry(new WrongOutcomesError('A record was given no outcome.'));
    if (outcome.kind !== 'retry') {
      result.finished.push(record);
      if (outcome.kind === 'done' && !outcome.provesNothing) result.isProof = true;
      return;
    }
    remember(lane, batch.records[index], outcome);
    result.addFailure(record, outcome.error, lane, rules, true);
  });
  const { failure } = batch;
  const first = lane.first();
  if (failure && first && batch.fetched.length === 0) {
    // A record that cannot be read for now stays in its lane: no retry topic would read it sooner.
    const inPlace = { ...rules, policy: { ...rules.policy, retryTopics: [] } };
    result.addFailure(first, failure, lane, inPlace, false);
  }
  return result;
}

function remember(
  lane: Lane,
  record: ConsumedRecord<unknown> | undefined,
  { rest }: Extract<Outcome, { kind: 'retry' }>,
): void {
  if (!record) return;
  const history = lane.historyOf(record.offset);
  history.attempts = record.attempt;
  history.decoded = { value: rest ?? record.value };
  if (rest !== undefined) history.rest = rest;
}

/** Callbacks for metrics: reports how the records of a micro-batch ended. */
export function reportOutcomes(
  observer: RuntimeObserver,
  topic: string,
  { records }: MicroBatch,
  { finished, unfinished, published, isHeld }: BatchResult,
): void {
  const repeated = records.filter(({ maybeRepeated }) => maybeRepeated).length;
  if (repeated > 0) observer.repeated(topic, repeated);
  const count = (end: RecordEnd, number: number): void => {
    if (number > 0) observer.settled(topic, end, number);
  };
  count('done', finished.length - published);
  count(isHeld ? 'hold' : 'retry', unfinished.length);
}

/** A dependency's breaker sets the pace; the lane's own pause only bridges the time until it opens. */
const heldFailuresMax = 3;

interface LaneTiming {
  readonly settings: Pick<ConsumerSettings, 'retryFirstMs' | 'retryMaxMs'>;
  readonly random: () => number;
}

/** How long a lane waits before it tries again what has failed. */
export function lanePauseMs(
  { failures }: Lane,
  { isHeld, retry }: BatchResult,
  { settings, random }: LaneTiming,
): number {
  const times = isHeld ? Math.min(failures, heldFailuresMax) : failures;
  const delayMs = retryDelayMs(times, settings, random);
  return retry instanceof WaitError ? Math.min(delayMs, retry.withinMs) : delayMs;
}
