/** What the lanes of a partition say: each kind of trouble once in a spell, never what a record holds. */
import type { Logger } from '../process/logger';
import type { Lane } from './lane';
import type { Letter } from './letters';

/** Messages that differ in more than numbers, in one spell of failures. */
const toldReasonsMax = 10;

export class LaneLog {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Each reason once: what began as an outage may turn out to be a hold, and only that needs a person. */
  retrying(lane: Lane, error: Error): void {
    const reason = error.message.replace(/[0-9]+/g, '0');
    if (lane.toldReasons.has(reason) || lane.toldReasons.size >= toldReasonsMax) return;
    lane.toldReasons.add(reason);
    const fields = { event: 'lane.retrying', ...placeOf(lane), err: error };
    this.#logger.warn(fields, 'lane retries until it succeeds');
  }

  recovered(lane: Lane, elapsedMs: number): void {
    this.#logger.info({ event: 'lane.recovered', lane: lane.index, elapsedMs }, 'lane recovered');
  }

  givenAway(lane: Lane, elapsedMs: number): void {
    const fields = { event: 'lane.given-away', lane: lane.index, elapsedMs };
    this.#logger.info(fields, 'a failing lane went with its partition');
  }

  /** It goes on trying, since a repair should be enough; but nobody is to think that all is well. */
  stuck(lane: Lane, error: Error): void {
    this.#logger.error(
      { event: 'lane.stuck', ...placeOf(lane), err: error },
      'lane holds: this is no fault of the record and no server that is away; a person has to look',
    );
  }

  halted(lane: Lane, { error, offset }: { readonly error: Error; readonly offset: number }): void {
    this.#logger.error(
      { event: 'lane.halted', lane: lane.index, offset, err: error },
      'lane halted: its records wait for a person',
    );
  }

  lettered({ record, error, poison, failed }: Letter): void {
    const fields = { offset: record.offset, failed, err: error };
    if (poison === undefined) {
      this.#logger.warn({ event: 'record.retried-later', ...fields }, 'a record waits for a retry');
    } else {
      this.#logger.warn({ event: 'record.dead-lettered', poison, ...fields }, 'a dead letter');
    }
  }
}

const placeOf = (lane: Lane): { lane: number; offset: number | undefined } => ({
  lane: lane.index,
  offset: lane.first()?.offset,
});
