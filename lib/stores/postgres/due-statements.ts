/** Shared parts of the statements over the shards of p_ci_job_artifacts. */
import { createHash } from 'node:crypto';
import type { Statement } from './pool';

/** A partition that the sweep cannot name by integer literals. */
export class UnsupportedPartitionError extends Error {
  override readonly name = 'UnsupportedPartitionError';
}

/** Prepared statements are known by name, so each literal list gets a name of its own. */
export function named(purpose: string, text: string): Statement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { name: `${purpose}-${digest}`, text };
}

export function literalsOf(partitionIds: readonly number[]): string {
  if (partitionIds.length === 0 || !partitionIds.every(Number.isSafeInteger)) {
    throw new UnsupportedPartitionError('A partition of p_ci_job_artifacts has no integer ids.');
  }
  return partitionIds.join(', ');
}

/**
 * A page must come from an index in its order. By itself the planner prefers to sort: the whole partition once its plan
 * turns generic (255 ms a page instead of 10), the whole group of a shared expire_at at once (86 ms instead of 5).
 * Holds until the transaction ends.
 */
export const inIndexOrder: Statement = {
  name: 'plan-in-index-order',
  text: `
    SELECT set_config('enable_sort', 'off', true),
           set_config('enable_bitmapscan', 'off', true),
           set_config('enable_seqscan', 'off', true),
           set_config('max_parallel_workers_per_gather', '0', true)`,
};
