/**
 * Archives the traces of builds of one partition_id in one pass, in the only order that is safe at every crash (the
 * README here):
 *
 * settle → lease → read → check and store → commit rows → remove chunk data → remove chunk rows → lease.
 *
 * After a crash at any point the rows of the chunks still exist, and the record comes again. A job without an outcome
 * at the end of a pass is read again.
 */
import { BrakeError } from '../../lib/brake/brake';
import { assertMayBegin } from '../../lib/runtime/membership-guard';
import { done, retry, skip } from '../../lib/runtime/outcome';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import { traceKeyBy } from '../../lib/gitlab/trace-key';
import { findGrown, type ReadChunk, readChunks, removeChunks } from './chunk-data';
import { isSettled, lookAt } from './decide';
import { HeldLeases } from './held-leases';
import { forJob, type Job, setAside, SetAside, type FoundTrace, type Prepared } from './job';
import { dropOurObject } from './our-object';
import type { BuildTrace, Commitment } from '../../lib/gitlab/trace-rows';
import { saveEnding } from './save-ending';
import { storeAll } from './store-all';
import type { Dependencies } from './dependencies';

export async function archivePass(
  dependencies: Dependencies,
  partitionId: number,
  jobs: readonly Job[],
): Promise<void> {
  await settle(dependencies, partitionId, jobs);
  const open = unfinished(jobs);
  if (open.length === 0) return;
  const leases = await HeldLeases.take(dependencies, open);
  try {
    await underLease(dependencies, partitionId, unfinished(open), leases);
  } finally {
    await leases.release();
  }
}

const unfinished = (jobs: readonly Job[]): Job[] => jobs.filter(({ outcome }) => !outcome);

/** Builds that have only just ended are read without a lease, which would block GitLab. */
async function settle(
  { rows, rules, clock }: Dependencies,
  partitionId: number,
  jobs: readonly Job[],
): Promise<void> {
  const nowMs = clock.nowMs();
  const young = jobs.filter(({ finishedAtMs }) => nowMs < finishedAtMs + rules.settleMs);
  if (young.length === 0) return;
  const traces = await readById(rows, partitionId, young);
  for (const job of young) {
    const trace = traces.get(job.owner.buildId);
    if (isSettled(trace, job.finishedAtMs, nowMs, rules)) continue;
    setAside(job, new SetAside('settle', 'chunks may still be written or flushed'));
  }
}

async function readById(
  rows: Dependencies['rows'],
  partitionId: number,
  jobs: readonly Job[],
): Promise<ReadonlyMap<number, BuildTrace>> {
  const ids = jobs.map(({ owner }) => owner.buildId);
  const traces = await rows.read(partitionId, ids);
  return new Map(traces.map((trace) => [trace.buildId, trace]));
}

async function underLease(
  dependencies: Dependencies,
  partitionId: number,
  jobs: readonly Job[],
  leases: HeldLeases,
): Promise<void> {
  if (jobs.length === 0) return;
  dependencies.reach('archiver.leases-taken');
  const asked = jobs.filter(({ askForObject }) => askForObject);
  await Promise.all(
    asked.map((job) =>
      forJob(job, async () => void (job.seen = await dependencies.objects.head(job.key))),
    ),
  );
  const found = await find(dependencies, partitionId, unfinished(jobs));
  const groups = leases.isFull ? archivedFirst(found) : [found];
  for (const group of groups) await archive(dependencies, partitionId, group, leases);
}

/** A trace that is archived already only has to be compared: its chunks are removed before others are stored. */
function archivedFirst(found: readonly FoundTrace[]): FoundTrace[][] {
  const [archived, others] = [true, false].map((isArchived) =>
    found.filter(({ look }) => (look.kind === 'extend') === isArchived),
  );
  return [archived ?? [], others ?? []].filter((group) => group.length > 0);
}

async function archive(
  dependencies: Dependencies,
  partitionId: number,
  found: readonly FoundTrace[],
  leases: HeldLeases,
): Promise<void> {
  const prepared = await storeAll(dependencies, found);
  prepared.push(...(await saveEnding(dependencies, found)));
  dependencies.reach('archiver.traces-stored');
  await leases.confirm(prepared.map(({ job }) => job));
  const committed = await commitRows(dependencies, partitionId, open(prepared));
  // When this pass commits no row, the effect begins with the removal.
  if (committed.every(({ stored }) => stored === null)) {
    assertMayBegin(dependencies.mayBegin ?? (() => true));
  }
  dependencies.reach('archiver.rows-committed');
  await leases.confirm(committed.map(({ job }) => job));
  const emptied = await removeData(dependencies, open(committed));
  dependencies.reach('archiver.chunk-data-removed');
  await forgetRows(dependencies, partitionId, emptied);
  dependencies.reach('archiver.chunk-rows-removed');
}

const open = (prepared: readonly Prepared[]): Prepared[] =>
  prepared.filter(({ job }) => !job.outcome);

async function find(
  dependencies: Dependencies,
  partitionId: number,
  jobs: readonly Job[],
): Promise<FoundTrace[]> {
  const traces = await readById(dependencies.rows, partitionId, jobs);
  const found: FoundTrace[] = [];
  noteAbsence(dependencies, jobs, traces);
  for (const job of unfinished(jobs)) {
    const trace = traces.get(job.owner.buildId);
    if (trace && trace.projectId !== job.owner.projectId) {
      // The key is built from the record's project: the object would lie in another project's folder.
      job.outcome = skip('the record names another project than the build has');
      continue;
    }
    useKeyOfRow(job, trace);
    const look = lookAt(trace, job.key, dependencies.rules);
    if (look.kind !== 'nothing' && trace) {
      found.push({ job, trace, look });
      continue;
    }
    await forJob(job, async () => {
      if (look.kind === 'nothing' && look.checkKey)
        await dropOurObject(dependencies, job, theirs(trace));
      else if (!job.countsAsAbsence) await dropEmptyChunk(dependencies, trace);
      job.outcome = skip(look.kind === 'nothing' ? look.reason : look.kind);
    });
  }
  return found;
}

/** Where GitLab has archived the trace itself: its own object, by its row. */
const theirs = (trace: BuildTrace | undefined): { readonly sizeMax?: number } =>
  trace?.artifact && !trace.isErased ? { sizeMax: trace.artifact.sizeBytes ?? 0 } : {};

/** A version before the mark may have archived it: from the committed row on the object lies where that says. */
function useKeyOfRow(job: Job, trace: BuildTrace | undefined): void {
  if (!trace?.artifact) return;
  const key = traceKeyBy(job.owner, trace.artifact.fileFinalPath);
  if (key !== job.key) Object.assign(job, { key, seen: undefined });
}

/** A crash may have left the object of a trace whose chunk rows are gone (see `isEmpty`). */
async function dropEmptyChunk(
  { chunks }: Dependencies,
  trace: BuildTrace | undefined,
): Promise<void> {
  if (!trace?.artifact) return;
  const index = Math.floor((trace.artifact.sizeBytes ?? 0) / chunkBytes);
  const place = { buildId: trace.buildId, index, row: null, isLast: true };
  const found = (await readChunks(chunks, [place])).flatMap((one) => one.found?.chunk ?? []);
  await removeChunks(chunks, found.filter(isEmpty));
}

/** Too many missing builds suggest a wrong database: then nothing is removed. */
function noteAbsence(
  { brake }: Dependencies,
  jobs: readonly Job[],
  traces: ReadonlyMap<number, BuildTrace>,
): void {
  const counted = jobs.filter(({ countsAsAbsence }) => countsAsAbsence);
  const absent = counted.filter(({ owner }) => !traces.has(owner.buildId));
  brake.absence.add('first', counted.length - absent.length, absent.length);
  const reason = brake.absence.tooMany();
  if (reason === undefined) return;
  brake.hold(reason);
  for (const job of jobs) job.outcome = retry(new BrakeError(reason));
}

/** Transaction 1. @returns those whose committed row matches the stored object. */
async function commitRows(
  dependencies: Dependencies,
  partitionId: number,
  prepared: readonly Prepared[],
): Promise<Prepared[]> {
  // An append does not change the chunk's row: a chunk that has grown since the read starts again there.
  const grown = await findGrown(
    dependencies.chunks,
    prepared.flatMap(({ chunks }) => chunks),
  );
  const steady = prepared.filter(({ trace }) => !grown.has(trace.buildId));
  const traces = steady.flatMap(({ stored }) => (stored === null ? [] : [stored]));
  const results =
    traces.length === 0
      ? new Map<number, Commitment>()
      : await dependencies.rows.commitStored(partitionId, traces);
  const committed: Prepared[] = [];
  for (const one of prepared) {
    const isSteady = !grown.has(one.trace.buildId);
    const result = one.stored === null ? 'committed' : results.get(one.trace.buildId);
    if (isSteady && result === 'committed') committed.push(one);
    else await leaveOut(dependencies, one, isSteady ? (result ?? 'changed') : 'changed');
  }
  return committed;
}

/** A build that changed is read again, and may overwrite its object; any other one removes it. */
async function leaveOut(
  dependencies: Dependencies,
  { job, writtenEtag }: Prepared,
  result: Commitment,
): Promise<void> {
  job.askForObject = true;
  if (result === 'changed') return;
  await forJob(job, async () => {
    const isNeeded = job.keepsObject && result !== 'gone';
    if (writtenEtag !== null && !isNeeded) {
      await dropOurObject(dependencies, job, { etag: writtenEtag });
    }
    if (result === 'gone') job.outcome = skip('the build was erased or deleted');
  });
}

/** Only a GitLab process that has lost its lease can do that, and only to an empty trace. */
const strayAppend = 'bytes came to an empty chunk when its row had just gone; they are in Redis';

/**
 * An empty chunk without data looks like a lost one, so its key stays as long as its row. A crash between the two
 * removals leaves an empty key, which the next record for the build finds.
 */
const isEmpty = ({ sizeBytes }: ReadChunk): boolean => sizeBytes === 0;

/** @returns those without a chunk that has grown: the rows of the others stay, and are read again. */
async function removeData(
  dependencies: Dependencies,
  committed: readonly Prepared[],
): Promise<Prepared[]> {
  const chunks = committed.flatMap((one) => one.chunks);
  const changed = new Set([
    ...(await findGrown(dependencies.chunks, chunks.filter(isEmpty))),
    ...(await removeChunks(
      dependencies.chunks,
      chunks.filter((chunk) => !isEmpty(chunk)),
    )),
  ]);
  return committed.filter(({ trace }) => !changed.has(trace.buildId));
}

/** Transaction 2. */
async function forgetRows(
  dependencies: Dependencies,
  partitionId: number,
  emptied: readonly Prepared[],
): Promise<void> {
  if (emptied.length === 0) return;
  const traces = emptied.map(({ trace }) => trace);
  const forgotten = await dependencies.rows.forgetChunks(partitionId, traces);
  const gone = emptied.filter(({ trace }) => forgotten.has(trace.buildId));
  const empty = gone.flatMap(({ chunks }) => chunks.filter(isEmpty));
  const grown = await removeChunks(dependencies.chunks, empty);
  for (const { job, trace, effect } of emptied) {
    if (!forgotten.has(trace.buildId)) continue;
    job.effect = effect;
    job.outcome = done;
    dependencies.counts.trace(effect, job.sizeBytes);
    dependencies.ending.over(job.owner);
    if (grown.has(trace.buildId))
      job.note = { event: 'trace.archived-with-faults', reason: strayAppend };
    // The note of missing chunks would expire by itself, too.
    if (effect === 'partial') await dependencies.missing.forget(job.owner).catch(() => undefined);
  }
}
