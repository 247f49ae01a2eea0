/** The part of `afterbuild reconcile --check` that compares chunk rows with chunk data. */
import type { z } from 'zod';
import { systemClock } from '../lib/process/clock';
import type { reconcileSchema } from '../lib/process/config';
import {
  checkTraces,
  type TraceBreak,
  type TraceLeftover,
  type TraceReport,
} from '../lib/reconcile/check-traces';
import type { PostgresPool } from '../lib/stores/postgres/pool';
import { PostgresTraceClaims } from '../lib/stores/postgres/trace-claims';
import {
  RedisConnection,
  redisSettings,
  traceChunksSettings,
} from '../lib/stores/redis/connection';
import { RedisTraceChunks } from '../lib/stores/redis/trace-chunks';
import { S3Objects, s3Settings } from '../lib/stores/s3/objects';

type Config = z.output<typeof reconcileSchema>;

/** @param pauseMs before a difference is checked once more. @throws errors of the stores. */
export async function checkLiveTraces(
  config: Config,
  pool: PostgresPool,
  options: { readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<TraceReport> {
  const stores = [redisSettings(config)];
  if (config.REDIS_TRACE_CHUNKS_HOST !== undefined) stores.push(traceChunksSettings(config));
  const connections = stores.map((settings) => new RedisConnection(settings));
  // GitLab stores flushed chunks without a prefix.
  const objects = new S3Objects({ ...s3Settings(config), prefix: '' });
  try {
    const live = connections.map((connection) => new RedisTraceChunks(connection));
    const rows = new PostgresTraceClaims(pool);
    return await checkTraces({ rows, live, objects, clock: systemClock }, options);
  } finally {
    for (const connection of connections) connection.close();
    objects.close();
  }
}

export const describeTraceBreak = ({ invariant, buildId, index }: TraceBreak): string =>
  invariant === 'I1'
    ? `I1 chunk ${index} of build ${buildId} has a row, but no store has its data`
    : `I4 chunk ${index} of build ${buildId} has data in Redis, but no row`;

export const describeLeftover = (leftover: TraceLeftover): string =>
  leftover.kind === 'row'
    ? `left over: chunk ${leftover.index} of build ${leftover.buildId} has a row without data, but the build was erased or skipped; GitLab removes the row with the build`
    : `left over: chunk ${leftover.index} of build ${leftover.buildId} has data in Redis, but the build is gone; Redis drops it in ${(leftover.endsInMs / 3_600_000).toFixed(1)} h`;

export function traceSummary({ chunkRows, chunkKeys, breaks }: TraceReport): string {
  const counted = `${chunkRows} chunk rows, ${chunkKeys} chunk keys in Redis`;
  if (breaks.length === 0) return `Chunk rows and chunk data agree: ${counted}.`;
  const lost = breaks.filter(({ invariant }) => invariant === 'I1').length;
  return `Chunk rows and chunk data do not agree: ${lost} rows without data, ${breaks.length - lost} data without row. ${counted}.`;
}
