/** Callbacks for metrics. Each is synchronous and must be cheap. */
import type { Dependency } from './dependency';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** How a record left a micro-batch: done, to be tried again, or held by a dependency without a counted attempt. */
export type RecordEnd = 'done' | 'retry' | 'hold';

export interface RuntimeObserver {
  /** One call of `handle` has ended, with any result. */
  handled(topic: string, records: number, elapsedMs: number): void;
  /** So many records of a micro-batch ended so; `retry` and `hold` come again. */
  settled(topic: string, end: RecordEnd, records: number): void;
  /** Records were handled that an earlier holder of the partition may have handled, too. */
  repeated(topic: string, records: number): void;
  /** Acknowledged copies of records on a retry or a dead-letter topic. */
  redirected(topic: string, kind: 'retry' | 'dead-letter', records: number): void;
  breaker(dependency: Dependency, state: BreakerState, cause: string): void;
  committed(partitions: number): void;
}

const nothing = (): void => undefined;

export const noObserver: RuntimeObserver = {
  handled: nothing,
  settled: nothing,
  repeated: nothing,
  redirected: nothing,
  breaker: nothing,
  committed: nothing,
};
