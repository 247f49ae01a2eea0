/**
 * Checks what Avro's types cannot express: which values a row of the source can have at all. A writer to the topic may
 * write any value, so each field is checked before it is used.
 */
import type { DatabaseOrigin } from '../../schemas/generated';
import { UndecodableRecordError } from '../runtime/poison';

interface Range {
  readonly min: number;
  readonly max: number;
}

/** PostgreSQL's dates, 4713 BC to 294276, in days since 1970-01-01. */
export const dateDays: Range = { min: -2_440_588, max: 106_751_991 };
/** The same as timestamps, in milliseconds. */
export const timestampMs: Range = { min: -210_866_803_200_000, max: 9_224_318_016_000_000 };
const int4: Range = { min: 1, max: 2_147_483_647 };
const position: Range = { min: 0, max: Number.MAX_SAFE_INTEGER };

/** The place of a value in a record. */
interface Place {
  readonly field: string;
  /** Id of the artifact or build, where known. */
  readonly id?: number | undefined;
}

/** The message names field and id, never the value, which may hold any text. */
export function impossibleValue({ field, id }: Place, expected: string): UndecodableRecordError {
  const of = id === undefined ? '' : ` of ${id}`;
  const message = `The record holds an impossible ${field}${of}: ${expected}.`;
  return new UndecodableRecordError(message, 'impossible-value');
}

/** GitLab's ids come from sequences. @throws UndecodableRecordError. */
export function checkId(value: number, { field, id }: Place): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  const of = id === undefined ? '' : ` of ${id}`;
  throw new UndecodableRecordError(
    `The record holds an impossible ${field}${of}: ids are whole numbers above 0 and below 2^53.`,
    'impossible-id',
  );
}

/** @throws UndecodableRecordError. */
export function checkRange(value: number, { min, max }: Range, place: Place): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw impossibleValue(place, `it is a whole number from ${min} to ${max}`);
}

/** @throws UndecodableRecordError for text over `charactersMax`, and for NUL, which no column of PostgreSQL can hold. */
export function checkText(value: string, charactersMax: number, place: Place): void {
  if (value.length > charactersMax) {
    throw impossibleValue(place, `it has at most ${charactersMax} characters`);
  }
  if (value.includes('\0')) throw impossibleValue(place, 'PostgreSQL takes no NUL');
}

/** @throws UndecodableRecordError. */
export function checkOrigin({
  systemIdentifier,
  databaseName,
  timeline,
  lsn,
}: DatabaseOrigin): void {
  if (!/^[0-9]{1,20}$/.test(systemIdentifier)) {
    throw impossibleValue({ field: 'origin.systemIdentifier' }, 'it is a decimal number');
  }
  checkText(databaseName, 255, { field: 'origin.databaseName' });
  checkRange(timeline, int4, { field: 'origin.timeline' });
  checkRange(lsn, position, { field: 'origin.lsn' });
}
