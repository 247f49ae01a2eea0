/** Callbacks for metrics. Each is synchronous and must be cheap. */
import type { Dependency } from './dependency';
import type { Outcome } from './outcome';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface RuntimeObserver {
  /** One call of `handle` has ended, with any result. */
  handled(topic: string, records: number, elapsedMs: number): void;
  /** So many records of a micro-batch ended with this outcome; `retry` and `hold` come again. */
  settled(topic: string, kind: Outcome['kind'], records: number): void;
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
