/** Handles a micro-batch of finished builds: one job for each build, in passes until each job has its outcome. */
import type { BuildFinished } from '../../schemas/generated';
import { ForeignRecordError } from '../../lib/brake/brake';
import { traceKey } from '../../lib/gitlab/trace-key';
import { isSaidAgain } from '../../lib/runtime/failure-headers';
import { type Outcome, retry } from '../../lib/runtime/outcome';
import { RecordBusyError } from '../../lib/runtime/record-errors';
import type { ConsumedRecord, MayBegin } from '../../lib/runtime/subscription';
import { archivePass } from './archive-pass';
import { asMember } from './as-member';
import type { Effect, Job } from './job';
import type { Dependencies } from './dependencies';
import { LoggedNotes } from './logged-notes';

export type FinishedRecord = ConsumedRecord<BuildFinished>;
type HandleFinished = (
  records: readonly FinishedRecord[],
  signal: AbortSignal,
  mayBegin?: MayBegin,
) => Promise<readonly Outcome[]>;

/** A trace that changes again and again while it is archived is left to the next delivery. */
const passesMax = 4;

export function createHandler(of: Dependencies): HandleFinished {
  const logged = new LoggedNotes();
  return async function handleFinished(records, signal, mayBegin = () => true) {
    const dependencies = asMember(of, mayBegin);
    const startedMs = dependencies.clock.nowMs();
    await dependencies.brake.assertReleased();
    const jobs = new Map<string, Job>();
    const held = new Map<FinishedRecord, Outcome>();
    for (const record of records) await take(dependencies, record, jobs, held);
    dependencies.reach('archiver.records-taken');
    for (const [partitionId, group] of byPartition(jobs)) {
      for (let pass = 1; pass <= passesMax && group.some(isOpen); pass += 1) {
        signal.throwIfAborted();
        await archivePass(dependencies, partitionId, group.filter(isOpen));
      }
    }
    report({ ...dependencies, logged }, records.length, [...jobs.values()], startedMs);
    return records.map((record) => held.get(record) ?? outcomeOf(jobs.get(nameOf(record))));
  };
}

const isOpen = ({ outcome }: Job): boolean => !outcome;

const nameOf = ({ value }: FinishedRecord): string => `${value.partitionId}:${value.buildId}`;

const byPartition = (jobs: ReadonlyMap<string, Job>): Map<number, Job[]> =>
  Map.groupBy(jobs.values(), ({ owner }) => owner.partitionId);

/** Several records of one build are one job. */
async function take(
  { brake }: Dependencies,
  record: FinishedRecord,
  jobs: Map<string, Job>,
  held: Map<FinishedRecord, Outcome>,
): Promise<void> {
  const { value, timestampMs, topic, partition, offset } = record;
  const { origin } = value;
  const verdict = await brake.judge({ origin, timestampMs, topic, partition, offset });
  if (verdict.kind === 'hold') {
    held.set(record, retry(new ForeignRecordError(verdict.reason)));
    return;
  }
  if (jobs.has(nameOf(record))) return;
  const { partitionId, buildId, projectId } = value;
  const owner = { partitionId, buildId, projectId };
  const isFirst = record.attempt === 1 && !record.maybeRepeated;
  jobs.set(nameOf(record), {
    owner,
    key: traceKey(owner),
    finishedAtMs: value.finishedAtMs,
    absenceProves: verdict.kind === 'same-history',
    countsAsAbsence: isFirst && !isSaidAgain(record.headers),
    seen: undefined,
    // A failed attempt may have stored the object; a server that refuses a body early only closes the connection.
    askForObject: !isFirst,
    keepsObject: false,
    effect: undefined,
    sizeBytes: 0,
    isLastCall: false,
    outcome: undefined,
    note: undefined,
  });
}

function outcomeOf(job: Job | undefined): Outcome {
  if (job?.outcome) return job.outcome;
  const build = job === undefined ? 'a build' : `build ${job.owner.buildId}`;
  const changes = `The trace of ${build} changes again and again while it is archived.`;
  return retry(new RecordBusyError(changes));
}

const leftTexts = {
  'trace.waits': 'a trace waits for the next sweep',
  'trace.left': 'a trace is left unchanged',
} as const;

function report(
  {
    logger,
    clock,
    logged,
  }: Pick<Dependencies, 'logger' | 'clock'> & { readonly logged: LoggedNotes },
  records: number,
  jobs: readonly Job[],
  startedMs: number,
): void {
  for (const { note, owner } of jobs) {
    if (!note) continue;
    const { partitionId, buildId } = owner;
    const fields = { ...note, partitionId, buildId };
    if (note.event === 'trace.waits' || note.event === 'trace.left') {
      const isNews = logged.isNews(partitionId, buildId, note.reason);
      const level = note.event === 'trace.waits' ? 'info' : 'warn';
      logger[isNews ? level : 'debug'](fields, leftTexts[note.event]);
    } else if (note.event === 'trace.ends') {
      // Status, readiness and a metric keep showing it.
      const isNews = logged.isNews(partitionId, buildId, `ends: ${note.reason}`);
      logger[isNews ? 'error' : 'debug'](
        fields,
        'the data of a trace ends, and cannot be archived',
      );
    } else logger.warn(fields, 'a trace was archived with faults');
  }
  const isFinished = ({ outcome }: Job) => outcome?.kind === 'done' || outcome?.kind === 'skip';
  // The lane logs a retry once: not at every try.
  if (!jobs.some(isFinished)) return;
  const count = (effect: Effect): number => jobs.filter((job) => job.effect === effect).length;
  logger.info(
    {
      event: 'traces.archived',
      records,
      builds: jobs.length,
      archived: count('archived'),
      extended: count('extended'),
      adopted: count('adopted'),
      partial: count('partial'),
      finished: count('finished'),
      skipped: jobs.filter(({ outcome }) => outcome?.kind === 'skip').length,
      unfinished: jobs.filter((job) => !isFinished(job)).length,
      bytes: jobs.reduce((sum, job) => sum + (job.effect ? job.sizeBytes : 0), 0),
      elapsedMs: clock.nowMs() - startedMs,
    },
    'traces archived',
  );
}
