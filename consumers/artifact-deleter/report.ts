/**
 * Reports the results of a micro-batch: one log line, the counters, and by id the artifacts that were left because of
 * their key.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { SetAside } from '../../lib/metrics/set-aside';
import { countOf, type Item } from './decide';
import type { DeletionCounts } from './ports';

interface Hearers {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counts: DeletionCounts;
  readonly setAside: Pick<SetAside, 'add'>;
}

/** Of one micro-batch; further ones are only counted. */
const namedMax = 20;

export function report(
  { logger, clock, counts, setAside }: Hearers,
  batch: { records: number; items: readonly Item[]; objects: number; startedMs: number },
): void {
  const { records, items, objects } = batch;
  const count = (fate: Item['fate']) => countOf(items, fate);
  const fields = {
    event: 'artifacts.deleted',
    records,
    asked: items.length,
    deleted: count('deleted'),
    alreadyGone: count('already-gone'),
    kept: count('kept'),
    left: count('left'),
    objects,
    elapsedMs: clock.nowMs() - batch.startedMs,
  };
  logger.info(fields, 'artifacts deleted');
  for (const fate of ['already-gone', 'kept', 'left', 'unusable'] as const) {
    counts.rows(fate, count(fate));
  }
  const unusable = items.filter(({ fate }) => fate === 'unusable');
  if (unusable.length === 0) return;
  const named = unusable.slice(0, namedMax);
  for (const { artifact, partitionId } of named) {
    setAside.add({
      table: 'p_ci_job_artifacts',
      id: `${partitionId}:${artifact.id}`,
      field: 'object_key',
      reason: 'could name the object of something else, as the record has it',
    });
  }
  const ids = named.map(({ artifact }) => artifact.id);
  const event = 'artifacts.unusable-key';
  // Each row is warned of once, where it is set aside; its record may come with every full sweep.
  logger.info(
    { event, count: unusable.length, ids },
    'object keys that could name something else: rows and objects are left',
  );
}
