/** Takes records off the front of a lane for one call of `handle`. */
import { headersMax, unreadHeaders, type RecordHeaders } from '../../kafka/header-text';
import { UndecodableRecordError } from '../poison';
import { asError } from '../../process/is-error';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { Lane } from './lane';
import { retry, WrongOutcomesError, type Outcome } from '../outcome';
import type { AnySubscription, ConsumedRecord, MayBegin } from '../subscription';
import { firstWrittenMs, readFailure } from '../failure-headers';

/** The position of a lane in its partition. */
interface LaneView {
  readonly partition: number;
  /** Records from here on must wait: the commit map could not hold them. */
  readonly windowEnd: number;
  /** An earlier holder may have handled the records below. */
  readonly repeatedBelow: number;
  readonly nowMs: number;
}

export interface MicroBatch {
  /** The records of the lane... */
  readonly fetched: readonly FetchedRecord[];
  /** ...and as `handle` gets them, in the same order. */
  readonly records: readonly ConsumedRecord<unknown>[];
  /** Why the next record could not be decoded; it is the first one when there are no others. */
  readonly failure: Error | null;
}

export async function assemble(
  lane: Lane,
  subscription: AnySubscription,
  view: LaneView,
): Promise<MicroBatch> {
  const fetched: FetchedRecord[] = [];
  const records: ConsumedRecord<unknown>[] = [];
  let weight = 0;
  for (const record of lane.peek(subscription.maxRecords)) {
    if (mustWait(record, lane, view)) break;
    // Only a decode that has to ask the registry is awaited: awaiting every record would cost more than all the rest.
    const decoded = decodeOnce(lane, subscription, record);
    const value = decoded instanceof Promise ? ((await decoded) as unknown) : decoded;
    if (value instanceof DecodeFailure) return { fetched, records, failure: value.error };
    weight += subscription.weigh?.(value) ?? 0;
    if (records.length > 0 && weight > (subscription.maxWeight ?? Infinity)) {
      lane.historyOf(record.offset).decoded = { value };
      break;
    }
    fetched.push(record);
    records.push(present(record, value, lane, subscription, view));
  }
  return { fetched, records, failure: null };
}

const mustWait = ({ offset }: FetchedRecord, lane: Lane, view: LaneView): boolean =>
  offset >= view.windowEnd || (lane.knownOf(offset)?.dueAtMs ?? 0) > view.nowMs;

class DecodeFailure {
  constructor(readonly error: Error) {}
}

/** @returns the value, a promise of it, or the failure. */
function decodeOnce(lane: Lane, subscription: AnySubscription, record: FetchedRecord): unknown {
  const known = lane.knownOf(record.offset)?.decoded;
  if (known) return known.value;
  const unread = unreadHeadersOf(record);
  if (unread !== undefined) return new DecodeFailure(unread);
  try {
    const decoded = subscription.decode(record.value, record);
    if (!(decoded instanceof Promise)) return decoded;
    return decoded.catch((error: unknown) => new DecodeFailure(asError(error)));
  } catch (error) {
    return new DecodeFailure(asError(error));
  }
}

function present(
  record: FetchedRecord,
  value: unknown,
  lane: Lane,
  subscription: AnySubscription,
  view: LaneView,
): ConsumedRecord<unknown> {
  const isRetry = subscription.retry !== undefined;
  return new PresentedRecord(record, {
    topic: subscription.topic,
    partition: view.partition,
    value,
    attempt: (lane.knownOf(record.offset)?.attempts ?? 0) + 1,
    maybeRepeated: isRetry || record.offset < view.repeatedBelow,
    isRetry,
  });
}

/** If `handle` throws, all records are retried; a wrong number of outcomes is a bug of ours and stops the lane. */
export async function handleAll(
  batch: MicroBatch,
  subscription: AnySubscription,
  signal: AbortSignal,
  mayBegin: MayBegin,
): Promise<readonly Outcome[]> {
  let outcomes: readonly Outcome[];
  try {
    outcomes = await subscription.handle(batch.records, signal, mayBegin);
  } catch (thrown) {
    const error = asError(thrown);
    return batch.records.map(() => ({ kind: 'retry', error }));
  }
  if (outcomes.length === batch.records.length) return outcomes;
  const error = new WrongOutcomesError(
    `handle gave ${outcomes.length} outcomes for ${batch.records.length} records; it must give one each.`,
  );
  return batch.records.map(() => retry(error));
}

/** Undefined when the record has its own headers. */
export function unreadHeadersOf({ headers }: FetchedRecord): UndecodableRecordError | undefined {
  if (headers[unreadHeaders] === undefined) return undefined;
  return new UndecodableRecordError(
    `The record has more than ${headersMax} headers; none of them was read.`,
    'too-many-headers',
  );
}

interface Presentation {
  readonly topic: string;
  readonly partition: number;
  readonly value: unknown;
  readonly attempt: number;
  readonly maybeRepeated: boolean;
  /** It came through a retry topic: its time is that of the original. */
  readonly isRetry: boolean;
}

/** Key, headers and time are decoded on demand: most handlers do not read them. */
export class PresentedRecord implements ConsumedRecord<unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly value: unknown;
  readonly attempt: number;
  readonly maybeRepeated: boolean;
  readonly #fetched: FetchedRecord;
  readonly #isRetry: boolean;

  constructor(fetched: FetchedRecord, presentation: Presentation) {
    this.topic = presentation.topic;
    this.partition = presentation.partition;
    this.value = presentation.value;
    this.attempt = presentation.attempt;
    this.maybeRepeated = presentation.maybeRepeated;
    this.#fetched = fetched;
    this.#isRetry = presentation.isRetry;
  }

  get offset(): number {
    return this.#fetched.offset;
  }

  get key(): string | null {
    return this.#fetched.keyText;
  }

  get headers(): RecordHeaders {
    return this.#fetched.headerTexts;
  }

  get sizeBytes(): number {
    return this.#fetched.sizeBytes;
  }

  get timestampMs(): number {
    const origin = this.#isRetry ? readFailure(this.headers)?.origin : undefined;
    return origin?.timestampMs ?? firstWrittenMs(this.headers, this.#fetched.timestampMs);
  }
}
