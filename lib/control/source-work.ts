/** How much is left at the source of the work, for the status and the metrics of a process. */
import type { SourceWork } from '../../schemas/generated';
import type { Metrics } from '../metrics/metrics';
import type { Clock } from '../process/clock';
import type { ItemMeter } from './item-meter';

type Unit = 'artifacts' | 'builds';

/** Read at each tick; null while unknown. */
export type ReadSourceWork = () => SourceWork | null;

/** For a consumer: the work left for it lies in Kafka. */
export const consumersWork = (
  unit: Unit,
  meter: Pick<ItemMeter, 'perSecond' | 'bytesFreed'>,
): SourceWork => ({
  ...{ unit, perSecond: meter.perSecond(), bytesFreed: meter.bytesFreed },
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

/** For a producer; an unknown value has no series. */
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
