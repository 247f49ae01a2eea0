/** Sorts what became of the records of a micro-batch: what is done, what comes again and why, what moves on. */
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

/** What is left to do after a micro-batch; of each kind of trouble the first one. */
export class Settlement {
  readonly finished: FetchedRecord[] = [];
  /** To be put back, in order. */
  readonly unfinished: FetchedRecord[] = [];
  /** To be copied before they are finished; until then they are unfinished, too. */
  readonly letters: Letter[] = [];
  /** How many of the finished are so because their copies are safe. */
  lettered = 0;
  readonly absent: Absence[] = [];
  retry: Error | null = null;
  /** Letters that could not be written. */
  unsent: Unsent | null = null;
  /** Some record's effect is complete, so whatever records need is there. */
  isProof = false;
  /** It failed where others did not: that says nothing of what it needed. */
  isContradicted = false;
  /** Nobody has foreseen it: for a person to see. */
  stuck: Error | null = null;
  halt: { readonly error: Error; readonly offset: number } | null = null;

  /** Nothing has been handled anew: only the letters are to be sent. */
  static ofUnsent({ letters, unfinished }: Unsent): Settlement {
    const settlement = new Settlement();
    settlement.letters.push(...letters);
    settlement.unfinished.push(...unfinished);
    return settlement;
  }

  /** It waits for something that is away, and no attempt is counted. */
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

  /** @param isRefused nothing is away: it would be refused again. */
  lettersUnsent(error: Error, isRefused: boolean): void {
    const { letters, unfinished } = this;
    this.unsent = { letters, unfinished, error };
    this.retry ??= error;
    if (isRefused) this.stuck ??= error;
  }

  /** Whether it failed at what all records need. */
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
      'So many records in a row have failed that it is hardly the records: nothing more is put aside until ' +
        'one succeeds. If it is them after all, raise FAILURES_IN_A_ROW_MAX. ' +
        `The last reason: ${cause.message}`,
      { cause },
    );
  }
}

export interface SettleRules {
  readonly policy: FailurePolicy;
  /** After so many failures of its own a record goes to the retry topics. */
  readonly triesInPlace: number;
  /** Letters may be written: not when everything has ended in one for too long. */
  readonly mayWrite: boolean;
  readonly gate: DoubtGate;
  readonly nowMs: number;
}

/** Remembers in the lane what the next attempt needs, and says what is left. Letters are still to be sent. */
export function settle(
  lane: Lane,
  batch: MicroBatch,
  outcomes: readonly Outcome[],
  rules: SettleRules,
): Settlement {
  const settlement = new Settlement();
  batch.fetched.forEach((record, index) => {
    // handleAll sees to it that there is one each; what has none is not done.
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
    // Nothing was taken off the lane: only a letter takes it.
    settlement.add(first, doubted(fate, first, lane, inPlace, settlement), lane, rules);
  }
  return settlement;
}

/** What is away for one record, and again and again not for the others, is not away: it is the record. */
function doubted(
  fate: Fate,
  record: FetchedRecord,
  lane: Lane,
  { policy, triesInPlace, gate, nowMs }: SettleRules,
  settlement: Settlement,
): Fate {
  // The brake holds by a decision: who passes it proves nothing for the others.
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
  // What waits for as long as it takes, a cap for instance, uses up nobody's patience.
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
