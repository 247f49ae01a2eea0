/** Counts how much of a shard is due, without reading it to its end. */
import { inIndexOrder, literalsOf, named } from './due-statements';
import { type Instant, minusInfinity, timestampOf } from './instant';
import type { PostgresSession, Statement } from './pool';

export interface DueCount {
  readonly artifacts: number;
  /** Not counted to the end: the planner's estimate. */
  readonly isEstimate: boolean;
}

/** Beyond so many nothing is counted. */
const dueCountMax = 10_000;
/** Statistics may be old: an estimate near the limit is checked by counting. */
const farMore = 2;

const dueRows = (partitionIds: readonly number[]): string => `
  SELECT FROM p_ci_job_artifacts
  WHERE partition_id IN (${literalsOf(partitionIds)})
    AND expire_at > $1::timestamptz AND expire_at <= now() - $2::bigint * interval '1 millisecond'
    AND locked = 0 AND file_type <> 3`;

/** $1 watermark, $2 margin in milliseconds. */
const dueCount = (partitionIds: readonly number[]): Statement =>
  named(
    'due-count',
    `SELECT count(*)::int AS "artifacts" FROM
       (${dueRows(partitionIds)} ORDER BY expire_at LIMIT ${dueCountMax + 1}) AS due`,
  );

/** The planner's estimate, from its statistics; no row is read. The same parameters. */
const dueEstimate = (partitionIds: readonly number[]): Statement =>
  named('due-estimate', `EXPLAIN (FORMAT JSON) ${dueRows(partitionIds)}`);

interface Explained {
  readonly 'QUERY PLAN': readonly { readonly Plan: { readonly 'Plan Rows': number } }[];
}

/**
 * Where PostgreSQL expects far more than `dueCountMax`, the estimate is returned and no row is read; else rows are
 * counted up to there, from the index in its order (as many buffers as rows). The count includes rows that are not in
 * object storage, which the sweep passes over: to exclude them the rows themselves would have to be read.
 *
 * @param session in a transaction: settings of the planner last until its end.
 * @throws PostgresError.
 */
export async function countDue(
  session: PostgresSession,
  partitionIds: readonly number[],
  after: Instant | null,
  marginMs: number,
): Promise<DueCount> {
  const values = [timestampOf(after ?? minusInfinity), marginMs];
  await session.query(inIndexOrder);
  const [explained] = await session.query<Explained>(dueEstimate(partitionIds), values);
  const expected = explained?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
  if (expected > farMore * dueCountMax) return { artifacts: expected, isEstimate: true };
  const [counted] = await session.query<{ artifacts: number }>(dueCount(partitionIds), values);
  const artifacts = counted?.artifacts ?? 0;
  if (artifacts <= dueCountMax) return { artifacts, isEstimate: false };
  return { artifacts: Math.max(artifacts, expected), isEstimate: true };
}
