/** What is left where the work is, as a process says it in its status and in its metrics. */
import type { SourceWork } from '../../schemas/generated';
import type { Metrics } from '../metrics/metrics';
import type { Clock } from '../process/clock';

export type Unit = 'artifacts' | 'builds';

/** Asked at each look; null while nothing is known. */
export type ReadSourceWork = () => SourceWork | null;

/** Of a consumer: what is left for it lies in Kafka. */
export const consumersWork = (unit: Unit, perSecond: number): SourceWork => ({
  ...{ unit, perSecond },
  inDatabase: null,
  isEstimate: false,
  dueSinceMs: null,
  inFlight: 0,
  waitsFor: null,
});

const gauges = [
  'afterbuild_due_items',
  'afterbuild_due_seconds',
  'afterbuild_in_flight_items',
] as const;

/** Of a producer; without a series for what is not known. */
export function showSourceWork(
  metrics: Pick<Metrics, 'beforeRead' | 'clear' | 'set'>,
  read: ReadSourceWork,
  clock: Pick<Clock, 'nowMs'>,
): void {
  metrics.beforeRead(() => {
    for (const gauge of gauges) metrics.clear(gauge);
    const work = read();
    if (work === null) return;
    const { unit, inDatabase, dueSinceMs, inFlight } = work;
    metrics.set('afterbuild_in_flight_items', { unit }, inFlight);
    if (inDatabase === null) return;
    metrics.set('afterbuild_due_items', { unit }, inDatabase);
    const seconds = dueSinceMs === null ? 0 : Math.max(0, clock.nowMs() - dueSinceMs) / 1_000;
    metrics.set('afterbuild_due_seconds', { unit }, seconds);
  });
}
