/** Logs the failures of a partition's lanes: each kind once in a spell of failures, never the content of a record. */
import type { Logger } from '../../process/logger';
import type { FailureSpell } from './failure-spell';
import type { Lane } from './lane';
import type { FailedRecord, Sender } from '../failures/failure-publisher';
import { RecordBusyError, WaitError } from '../record-errors';

/** Most messages logged in one spell of failures; messages that differ in numbers only count as one. */
const loggedReasonsMax = 10;

/**
 * A normal wait: a trace that settles, a lease held elsewhere, a cap. A wait that only has patience (for an error that
 * may pass) is none.
 */
const isUsualWait = (error: Error): boolean =>
  error instanceof RecordBusyError || (error instanceof WaitError && error.isUsual);

export class LaneLog {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * A warning asks an operator to look, so a normal wait gets none, and neither does an unavailable server: its breaker
   * warns once for all lanes when that lasts. Each reason is logged once: an outage may turn out to be a hold, and only
   * the hold needs an operator.
   *
   * @param isAbsence the error is a dependency's, not the record's.
   */
  retrying(lane: Lane, { loggedReasons }: FailureSpell, error: Error, isAbsence = false): void {
    if (isUsualWait(error)) {
      const fields = { event: 'lane.waits', ...placeOf(lane), reason: error.message };
      this.#logger.debug(fields, 'a lane waits until it is time');
      return;
    }
    const reason = error.message.replace(/[0-9]+/g, '0');
    if (loggedReasons.has(reason) || loggedReasons.size >= loggedReasonsMax) return;
    loggedReasons.add(reason);
    const fields = { event: 'lane.retrying', ...placeOf(lane), err: error };
    this.#logger[isAbsence ? 'info' : 'warn'](fields, 'lane retries until it succeeds');
  }

  recovered(lane: number, spell: FailureSpell, nowMs: number): void {
    const fields = { event: 'lane.recovered', lane, elapsedMs: nowMs - spell.sinceMs };
    this.#logger[endLevel(spell)](fields, 'lane recovered');
  }

  givenAway(lane: number, spell: FailureSpell, nowMs: number): void {
    const fields = { event: 'lane.given-away', lane, elapsedMs: nowMs - spell.sinceMs };
    this.#logger[endLevel(spell)](fields, 'a failing lane was lost with its partition');
  }

  /** The lane goes on trying, since a repair should be enough, but the log must not suggest that all is well. */
  stuck(lane: Lane, error: Error): void {
    this.#logger.error(
      { event: 'lane.stuck', ...placeOf(lane), err: error },
      'lane holds: unclassified error, needs an operator',
    );
  }

  halted(lane: Lane, { error, offset }: { readonly error: Error; readonly offset: number }): void {
    this.#logger.error(
      { event: 'lane.halted', lane: lane.index, offset, err: error },
      'lane halted: its records wait for an operator',
    );
  }

  redirected(
    { record, error, poison, failed }: FailedRecord,
    { retryLevel, policy }: LetterSource,
  ): void {
    const fields = { offset: record.offset, failed };
    if (poison !== undefined) {
      const event = 'record.dead-lettered';
      this.#logger.warn({ event, poison, ...fields, err: error }, 'a dead letter');
      return;
    }
    const event = 'record.retried-later';
    if (!isUsualWait(error)) {
      this.#logger.warn({ event, ...fields, err: error }, 'a record waits for a retry');
      return;
    }
    // A record that is still busy after every retry delay has waited unusually long.
    const isLast = retryLevel !== null && retryLevel >= policy.retryTopics.length - 1;
    const waits = { event, ...fields, reason: error.message };
    this.#logger[isLast ? 'warn' : 'debug'](waits, 'a record waits for a retry');
  }
}

type LetterSource = Pick<Sender, 'retryLevel' | 'policy'>;

/** The end of a failure is logged only where its beginning was. */
const endLevel = ({ loggedReasons }: FailureSpell): 'info' | 'debug' =>
  loggedReasons.size > 0 ? 'info' : 'debug';

const placeOf = (lane: Lane): { lane: number; offset: number | undefined } => ({
  lane: lane.index,
  offset: lane.first()?.offset,
});
