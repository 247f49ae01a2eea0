/** Sorts the records of a micro-batch by their outcomes: finished, to be tried again and why, to be sent on. */
import type { Dependency } from '../dependency';
import type { FailurePolicy } from '../failure-policy';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Absence } from '../failures/admission';
import { judge, judgeError, ownFault, type Fate } from '../failures/next-step';
import type { DoubtGate, Lane, Unsent } from './lane';
import type { Letter } from '../failures/failure-publisher';
import type { MicroBatch } from './micro-batch';
import { halt, type Outcome } from '../outcome';
import type { ConsumedRecord } from '../subscription';

/** The rest of the work after a micro-batch; of each kind of failure the first one. */
export class Settlement {
  readonly finished: FetchedRecord[] = [];
  /** Put back into the lane, in order. */
  readonly unfinished: FetchedRecord[] = [];
  /** Copied before they are finished; until then they are in `unfinished`, too. */
  readonly letters: Letter[] = [];
  /** How many of the finished records are so because their copies are safe. */
  lettered = 0;
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
  static ofUnsent({ letters, unfinished }: Unsent): Settlement {
    const settlement = new Settlement();
    settlement.letters.push(...letters);
    settlement.unfinished.push(...unfinished);
    return settlement;
  }

  /** It waits for an unavailable dependency, and no attempt is counted. */
  get isHeld(): boolean {
    return this.absent.length > 0 || (this.unsent !== null && this.stuck === null);
  }

  add(record: FetchedRecord, fate: Fate, lane: Lane, rules: SettleRules): void {
    if (fate.kind === 'finished') {
      this.finished.push(record);
      return;
    }
    this.unfinished.push(record);
    if (fate.kind === 'halted') this.halt ??= { error: fate.error, offset: record.offset };
    else if (fate.kind === 'letter' && rules.mayWrite) this.#addLetter(record, fate, lane, rules);
    else this.#addRetry(fate);
  }

  /** The copies are safe: their originals are finished. */
  lettersSent(): void {
    const sent = new Set(this.letters.map(({ record }) => record));
    this.finished.push(...sent);
    this.lettered = sent.size;
    const left = this.unfinished.filter((record) => !sent.has(record));
    this.unfinished.splice(0, this.unfinished.length, ...left);
  }

  /** @param isRefused no server is unavailable: the copy would be refused again. */
  lettersUnsent(error: Error, isRefused: boolean): void {
    const { letters, unfinished } = this;
    this.unsent = { letters, unfinished, error };
    this.retry ??= error;
    if (isRefused) this.stuck ??= error;
  }

  /** Whether it failed on a dependency that all records need. */
  isOfAll(needs: readonly Dependency[]): boolean {
    return this.isContradicted || this.absent.some(({ dependency }) => needs.includes(dependency));
  }

  #addLetter(
    record: FetchedRecord,
    { error, poison }: Extract<Fate, { kind: 'letter' }>,
    { failed, rests }: Lane,
    { nowMs }: SettleRules,
  ): void {
    const { times, firstAtMs } = failed.get(record.offset) ?? { times: 1, firstAtMs: nowMs };
    const rest = rests.get(record.offset);
    this.letters.push({ record, error, poison, rest, failed: times, firstFailedAtMs: firstAtMs });
  }

  #addRetry(fate: Extract<Fate, { kind: 'again' | 'held' | 'stuck' | 'letter' }>): void {
    const { error } = fate;
    this.retry ??= error;
    if (fate.kind === 'stuck') this.stuck ??= error;
    if (fate.kind === 'letter') this.stuck ??= new TooManyFailuresError(error);
    if (fate.kind !== 'held') return;
    if (!fate.isOverload) this.absent.push({ dependency: fate.dependency, error });
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

export interface SettleRules {
  readonly policy: FailurePolicy;
  /** After so many failures for its own reasons a record goes to the retry topics. */
  readonly triesInPlace: number;
  /** Failed records may be written: not after too many in a row. */
  readonly mayWrite: boolean;
  readonly gate: DoubtGate;
  readonly nowMs: number;
}

/** Notes in the lane what the next attempt needs, and returns what is left. Failed records are still to be sent. */
export function settle(
  lane: Lane,
  batch: MicroBatch,
  outcomes: readonly Outcome[],
  rules: SettleRules,
): Settlement {
  const settlement = new Settlement();
  batch.fetched.forEach((record, index) => {
    // handleAll guarantees one outcome for each record; a record without one is not done.
    const outcome = outcomes[index] ?? halt(new Error('A record was given no outcome.'));
    if (outcome.kind === 'done' || outcome.kind === 'skip') {
      settlement.finished.push(record);
      if (outcome.kind === 'done' && !outcome.provesNothing) settlement.isProof = true;
      return;
    }
    remember(lane, record.offset, batch.records[index], outcome);
    const isOwn = isOwnFault(outcome, record, lane, rules);
    const failed = isOwn ? lane.countFailure(record.offset, rules.nowMs) : 0;
    const fate = judge(outcome, failed, rules.policy, rules.triesInPlace);
    settlement.add(record, doubted(fate, record, lane, rules, settlement), lane, rules);
  });
  const { failure } = batch;
  const first = lane.first();
  if (failure && first && batch.fetched.length === 0) {
    const inPlace = { ...rules, policy: { ...rules.policy, retryTopics: [] } };
    const fate = judgeError(failure, 0, inPlace.policy, rules.triesInPlace);
    // Nothing was taken off the lane: only a failed record is.
    settlement.add(first, doubted(fate, first, lane, inPlace, settlement), lane, rules);
  }
  return settlement;
}

/** If others succeed against the dependency that this record finds down, blame the record. */
function doubted(
  fate: Fate,
  record: FetchedRecord,
  lane: Lane,
  { policy, triesInPlace, gate, nowMs }: SettleRules,
  settlement: Settlement,
): Fate {
  // The brake holds by a decision: a record that passes it proves nothing for the others.
  if (fate.kind !== 'held' || fate.isOverload || fate.dependency === 'brake') return fate;
  if (!lane.countDoubt(record.offset, fate.dependency, gate)) return fate;
  settlement.isContradicted = true;
  return ownFault(fate.error, lane.countFailure(record.offset, nowMs), policy, triesInPlace);
}

function isOwnFault(
  outcome: Outcome,
  { offset }: FetchedRecord,
  lane: Lane,
  { policy, nowMs }: SettleRules,
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
