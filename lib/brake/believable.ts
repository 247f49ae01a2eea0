/** Whether a record of our own progress could have been written by now, by one of us. Pure. */
import type { DatabaseOrigin } from '../../schemas/generated';

/** Clocks of instances differ by less; so does an operator's, whose acceptances date what is written after them. */
const aheadMaxMs = 900_000;
/** A pass a second for thirty years; one more must still fit an int. */
const passesMax = 1_000_000_000;

export interface Writing {
  readonly atMs: number;
  readonly origin: DatabaseOrigin;
  /** Passes that have been counted so far. */
  readonly passes: number;
}

/** @returns why it could not, as half a sentence about the record. */
export function refuseWriting(
  { atMs, origin, passes }: Writing,
  nowMs: number,
): string | undefined {
  if (!(atMs > 0 && atMs <= nowMs + aheadMaxMs)) return 'its time is not one of the past';
  if (!(passes >= 0 && passes <= passesMax))
    return 'it counts more passes than there can have been';
  if (!/^[0-9]{1,20}$/.test(origin.systemIdentifier)) return 'its system identifier is none';
  return origin.timeline < 1 || origin.lsn < 0 ? 'its place in the history is none' : undefined;
}
