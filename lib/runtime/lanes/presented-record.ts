/** A record as `handle` gets it. */
import { firstWrittenMs, readFailure } from '../failure-headers';
import type { FetchedRecord } from '../../kafka/fetched-record';
import type { RecordHeaders } from '../../kafka/header-text';
import type { ConsumedRecord } from '../subscription';

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
