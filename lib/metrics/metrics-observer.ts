/** Counts the callbacks of the consumer runtime. */
import { dependencies, type Dependency } from '../runtime/dependency';
import type { BreakerState, RecordEnd, RuntimeObserver } from '../runtime/observer';
import { breakerLevels } from './definitions';
import type { Metrics } from './metrics';

/** The runtime's kinds of outcome; letters have a count of their own. */
const outcomes: readonly RecordEnd[] = ['done', 'retry', 'hold'];
const redirectKinds = ['retry', 'dead-letter'] as const;

export class MetricsObserver implements RuntimeObserver {
  readonly #metrics: Metrics;

  readonly #known = new Set<string>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    for (const dependency of dependencies) {
      metrics.set('afterbuild_breaker_state', { dependency }, breakerLevels.closed);
      metrics.add('afterbuild_breaker_opened_total', { dependency }, 0);
    }
  }

  /** @param topic full name; its series begin at 0, so that the first dead letter is a rise. */
  expect(topic: string): void {
    if (this.#known.has(topic)) return;
    this.#known.add(topic);
    for (const outcome of outcomes) {
      this.#metrics.add('afterbuild_records_total', { topic, outcome }, 0);
    }
    for (const kind of redirectKinds)
      this.#metrics.add('afterbuild_redirected_records_total', { topic, kind }, 0);
    this.#metrics.add('afterbuild_records_repeated_total', { topic }, 0);
  }

  handled(topic: string, records: number, elapsedMs: number): void {
    this.#metrics.observe('afterbuild_handler_seconds', { topic }, elapsedMs / 1_000);
    this.#metrics.add('afterbuild_handled_records_total', { topic }, records);
  }

  settled(topic: string, kind: RecordEnd, records: number): void {
    this.#metrics.add('afterbuild_records_total', { topic, outcome: kind }, records);
  }

  repeated(topic: string, records: number): void {
    this.#metrics.add('afterbuild_records_repeated_total', { topic }, records);
  }

  redirected(topic: string, kind: 'retry' | 'dead-letter', records: number): void {
    this.#metrics.add('afterbuild_redirected_records_total', { topic, kind }, records);
  }

  breaker(dependency: Dependency, state: BreakerState): void {
    this.#metrics.set('afterbuild_breaker_state', { dependency }, breakerLevels[state]);
    if (state === 'open') this.#metrics.add('afterbuild_breaker_opened_total', { dependency });
  }

  committed(partitions: number): void {
    this.#metrics.add('afterbuild_commits_total', {}, partitions);
  }
}
