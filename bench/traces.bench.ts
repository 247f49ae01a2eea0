/**
 * Claim: the archiver stores traces at 0.75 of the speed of bare conditional PutObjects at 16 KiB and at 0.9 at 5 MB,
 * with one PUT for each trace; and 26,811 stale builds in under a minute with an S3 server that costs nothing.
 *
 * Raw limit and archivers take turns on clones of the same source, on the same servers.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeBucket } from '../ops/local/connected-gitlab';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment } from '../ops/local/stack/stack-environment';
import type { RawPuts } from './raw-puts';
import { median, spread, type Report } from './report';
import { runArchivers, type TraceFigures } from './trace-run';
import { dropTraceSource, makeTraceSource, type TraceSource } from './trace-source';
import { dropSourceDatabase } from '../ops/gitlab/schema';
import { superuserOf } from './bench-source';

interface TracesBench {
  readonly runs: number;
  /** Stale builds of 16 KiB. */
  readonly stale: number;
  /** Of each size: 1 for the numbers below. */
  readonly share: number;
  /** The case to measure; undefined: all of them. */
  readonly only: string | undefined;
}

/** Name, bytes, and how many make a run of some seconds. */
const sizes = [
  ['4 KB', 4_000, 5_000],
  ['16 KiB', 16_384, 5_000],
  ['256 KiB', 262_144, 1_000],
  ['5 MB', 5_000_000, 120],
] as const;

async function rawPuts(stack: RunningStack, name: string, source: TraceSource): Promise<RawPuts> {
  const scope = { database: 'postgres', bucket: name, bucketTag: 'afterbuild=bench' };
  await makeBucket(stack, scope);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(__dirname, 'raw-puts.js'), String(source.builds.length), String(source.sizeBytes)],
    { env: stackEnvironment(stack, 'archiver', scope) },
  );
  return JSON.parse(stdout) as RawPuts;
}

/** What `--only` may name. */
export const traceSizes: readonly string[] = [...sizes.map(([size]) => size), 'stale'];

interface Measured {
  readonly name: string;
  readonly source: TraceSource;
  readonly figures: readonly TraceFigures[];
  readonly raw: readonly RawPuts[];
}

/** Buckets and databases outlive an interrupted run. */
const runName = (name: string): string => `run-${process.pid}-${name}`;

const rounded = (value: number): number => Number(value.toFixed(3));

/** Medians over all runs; the counts for each trace are those of the last run. */
function reportCase(report: Report, { name, source, figures, raw }: Measured): void {
  const rates = figures.map(({ tracesPerSecond }) => tracesPerSecond);
  const rawRates = raw.map(({ perSecond }) => perSecond);
  const rate = median(rates);
  const count = source.builds.length;
  const last = figures.at(-1);
  const each = (of: (one: TraceFigures) => number): number => rounded(median(figures.map(of)));
  report({
    case: name,
    unit: 'traces/s',
    traces: count,
    rate: rounded(rate),
    megabytesPerSecond: rounded((rate * source.sizeBytes) / 1_000_000),
    rawLimit: rawRates.length > 0 ? rounded(median(rawRates)) : null,
    ratio: rawRates.length > 0 ? Number((rate / median(rawRates)).toFixed(2)) : null,
    p50Ms: each(({ p50Ms }) => p50Ms),
    p99Ms: each(({ p99Ms }) => p99Ms),
    rawP50Ms: rounded(median(raw.map(({ p50Ms }) => p50Ms))),
    rssBytes: Math.max(...figures.map(({ rssBytes }) => rssBytes)),
    cpuMsPerTrace: each(({ cpuMs }) => cpuMs / count),
    rawCpuMsPerTrace: rounded(median(raw.map(({ cpuMs }) => cpuMs / count))),
    spread: spread(rates),
    rawSpread: rawRates.length > 0 ? spread(rawRates) : null,
    secondsFromSweep: last?.secondsFromSweep ?? null,
    redisRoundTripsPerTrace: each(({ redisRoundTrips }) => redisRoundTrips / count),
    walBytesPerTrace: each(({ walBytes }) => walBytes / count),
    kafkaBytesPerTrace: each(({ kafkaBytes }) => kafkaBytes / count),
    ...countsOf(last, count),
  });
}

function countsOf(figures: TraceFigures | undefined, count: number) {
  const { s3 = null, statements = null } = figures ?? {};
  return {
    ...(s3 && {
      putsPerTrace: rounded(s3.PUT / count),
      otherS3RequestsPerTrace: rounded((s3.GET + s3.HEAD + s3.POST + s3.DELETE) / count),
    }),
    ...(statements !== null && { statementsPerTrace: rounded(statements / count) }),
  };
}

async function archive(
  stack: RunningStack,
  source: TraceSource,
  run: Parameters<typeof runArchivers>[2],
): Promise<TraceFigures> {
  try {
    return await runArchivers(stack, source, run);
  } finally {
    await dropSourceDatabase(superuserOf(stack), run.name.replaceAll('-', '_'));
  }
}

/** The cost of a trace of that size with one process and with two, beside the raw limit. */
async function measureSize(
  stack: RunningStack,
  report: Report,
  [title, sizeBytes, usual]: (typeof sizes)[number],
  { runs, share }: TracesBench,
): Promise<void> {
  const source = await makeTraceSource(stack, { sizeBytes, count: Math.ceil(usual * share) });
  const raw: RawPuts[] = [];
  const one: TraceFigures[] = [];
  const two: TraceFigures[] = [];
  const archived = { nullS3: false, announcedBy: 'hand' } as const;
  for (let round = 1; round <= runs; round += 1) {
    const name = runName(`${sizeBytes}-${round}`);
    raw.push(await rawPuts(stack, `${name}-raw`, source));
    one.push(await archive(stack, source, { name: `${name}-one`, archivers: 1, ...archived }));
    two.push(await archive(stack, source, { name: `${name}-two`, archivers: 2, ...archived }));
  }
  const counted = await archive(stack, source, {
    ...{ name: runName(`${sizeBytes}-counted`), archivers: 1, counted: true },
    ...{ nullS3: true, announcedBy: 'hand' },
  });
  reportCase(report, { name: `${title}, 1 process`, source, figures: one, raw });
  reportCase(report, { name: `${title}, 2 processes`, source, figures: two, raw });
  const name = `${title}, null S3, statements counted`;
  reportCase(report, { name, source, figures: [counted], raw: [] });
  await dropTraceSource(stack, source);
}

/** As after an outage: the sweep finds them, one archiver archives them. */
async function measureStale(
  stack: RunningStack,
  report: Report,
  { runs, stale }: TracesBench,
): Promise<void> {
  const source = await makeTraceSource(stack, { sizeBytes: 16_384, count: stale });
  const raw: RawPuts[] = [];
  const nullS3: TraceFigures[] = [];
  const real: TraceFigures[] = [];
  const swept = { archivers: 1, announcedBy: 'sweep' } as const;
  for (let round = 1; round <= runs; round += 1) {
    const name = runName(`stale-${round}`);
    nullS3.push(await archive(stack, source, { name: `${name}-null`, nullS3: true, ...swept }));
    raw.push(await rawPuts(stack, `${name}-raw`, source));
    real.push(await archive(stack, source, { name: `${name}-real`, nullS3: false, ...swept }));
  }
  const title = `${stale} stale builds of 16 KiB`;
  reportCase(report, { name: `${title}, null S3`, source, figures: nullS3, raw: [] });
  reportCase(report, { name: title, source, figures: real, raw });
  await dropTraceSource(stack, source);
}

export async function measureTraces(
  stack: RunningStack,
  report: Report,
  bench: TracesBench,
): Promise<void> {
  const isWanted = (name: string): boolean => bench.only === undefined || bench.only === name;
  for (const size of sizes) {
    if (isWanted(size[0])) await measureSize(stack, report, size, bench);
  }
  if (isWanted('stale')) await measureStale(stack, report, bench);
}
