/** `afterbuild reconcile --check`: compares rows, bucket and Redis. It only reads, and may run beside the pipeline. */
import { type Command, InvalidArgumentError } from 'commander';
import { refuseBucket } from '../lib/brake/decide';
import { systemClock } from '../lib/process/clock';
import { ConfigError, loadConfig, reconcileSchema } from '../lib/process/config';
import { type Break, type CheckReport, checkStores } from '../lib/reconcile/check';
import { PostgresArtifactClaims } from '../lib/stores/postgres/artifact-claims';
import type { TraceReport } from '../lib/reconcile/check-traces';
import { readIdentity } from '../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../lib/stores/postgres/pool';
import { RedisPendingUploads } from '../lib/stores/redis/pending-uploads';
import { S3Objects, s3Settings } from '../lib/stores/s3/objects';
import { action } from './action';
import { type ExitCode, exitCodes } from './exit-codes';
import { httpOf, postgresOf, reach, redisOf } from './reach';
import { jsonOption, printProgress, printResult, type OutputOptions } from './output';
import {
  checkLiveTraces,
  describeLeftover,
  describeTraceBreak,
  traceSummary,
} from './reconcile-traces';

interface ReconcileOptions extends OutputOptions {
  readonly check: true;
  readonly limit: string;
  readonly pauseSeconds: string;
}

/** One statement reads and sorts all rows: on a large table that takes hours. */
const readLimitMs = 6 * 3_600_000;
const suspectsMax = 100_000;

export function addReconcileCommand(program: Command): void {
  program
    .command('reconcile')
    .description('compare rows, bucket and Redis; report every break of the invariants')
    .requiredOption('--check', 'report only; nothing is changed')
    .option('--limit <count>', 'breaks to print', '50')
    .option('--pause-seconds <seconds>', 'before a difference is checked once more', '3')
    .option(...jsonOption)
    .action(action(reconcile));
}

async function reconcile(options: ReconcileOptions, signal: AbortSignal): Promise<ExitCode> {
  const limit = wholeNumber('--limit', options.limit);
  const pauseMs = wholeNumber('--pause-seconds', options.pauseSeconds) * 1_000;
  const { traces, ...report } = await check(pauseMs, signal, options.json === true);
  const breaks = report.breaks.slice(0, limit);
  printResult(options, { ...report, breaks, breaksTotal: report.breaks.length, traces }, [
    ...breaks.map(describeBreak),
    ...report.setAside.slice(0, limit).map(describeSetAside),
    ...traces.breaks.slice(0, limit).map(describeTraceBreak),
    ...traces.leftovers.slice(0, limit).map(describeLeftover),
    summary(report, breaks.length),
    traceSummary(traces),
  ]);
  return isWhole(report) && traces.breaks.length === 0 ? exitCodes.ok : exitCodes.failed;
}

async function check(
  pauseMs: number,
  signal: AbortSignal,
  isQuiet: boolean,
): Promise<CheckReport & { readonly traces: TraceReport }> {
  const config = loadConfig(reconcileSchema, process.env);
  const limits = { connectionsMax: 2, statementTimeoutMs: readLimitMs };
  const pool = new PostgresPool(postgresSettings(config, 'reconcile', limits));
  const objects = new S3Objects(s3Settings(config));
  const uploads = new RedisPendingUploads(config);
  try {
    const [tags] = await Promise.all([
      reach(httpOf('Object storage', 'S3_ENDPOINT', config.S3_ENDPOINT), () =>
        objects.bucketTags(),
      ),
      reach(postgresOf(config), () => pool.withSession(readIdentity)),
      reach(redisOf({ host: config.REDIS_HOST, port: config.REDIS_PORT }), () =>
        uploads.pending(['']),
      ),
    ]);
    const refusal = refuseBucket(tags, config.S3_BUCKET_TAG, config.S3_BUCKET);
    if (refusal !== undefined) throw new ConfigError(refusal);
    const report = await checkStores(
      { claims: new PostgresArtifactClaims(pool), objects, uploads, clock: systemClock },
      {
        suspectsMax,
        pauseMs,
        signal,
        onProgress: ({ rows, objects: listed }) => {
          if (!isQuiet) printProgress(`read ${rows} rows and ${listed} objects`);
        },
      },
    );
    const traces = await checkLiveTraces(config, pool, { pauseMs, signal });
    return { ...report, traces };
  } finally {
    uploads.close();
    objects.close();
    await pool.close();
  }
}

function wholeNumber(option: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text))
    throw new InvalidArgumentError(`${option} must be a whole number.`);
  return Number(text);
}

const isWhole = ({ breaks, unverified }: CheckReport): boolean =>
  breaks.length === 0 && unverified === 0;

const describeBreak = (found: Break): string =>
  found.invariant === 'I3'
    ? `I3 row ${found.id} of partition_id ${found.partitionId} has no object: ${found.key}`
    : `I4 object without a row: ${found.key}`;

const describeSetAside = ({ id, field }: CheckReport['setAside'][number]): string =>
  `set aside: row ${id} has a ${field} of which no key can be made; its object was not looked for`;

function summary(report: CheckReport, printed: number): string {
  const { rows, objects, foreignObjects, dueRows, breaks, unverified } = report;
  const counted = `${rows} remote artifact rows, ${objects} objects (${foreignObjects} of other kinds), ${dueRows} rows wait for their deletion`;
  if (isWhole(report)) return `Rows and bucket agree: ${counted}.`;
  const missing = breaks.filter(({ invariant }) => invariant === 'I3').length;
  const more =
    unverified === 0 ? '' : `, and ${unverified} more suspicions were not looked at again`;
  return `Rows and bucket do not agree: ${missing} rows without object, ${breaks.length - missing} objects without row (${printed} printed)${more}. ${counted}.`;
}
