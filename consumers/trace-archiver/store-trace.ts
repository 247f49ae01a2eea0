/** Stores one trace in its object, depending on the state in which it was found; the rows are committed after that. */
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import { skip } from '../../lib/runtime/outcome';
import type { ChunkWithData } from './chunk-data';
import { readChunks } from './chunk-data';
import { agreement, isGivenUp, judgeChecksums, type Place, placesOf } from './decide';
import { type Effect, type FoundTrace, type Job, type Prepared, SetAside } from './job';
import { findMarkedChunks } from './marked-object';
import { completeOurObject, dropOurObject } from './our-object';
import type { BuildTrace, StoredTrace, TraceArtifact } from '../../lib/gitlab/trace-rows';
import type { SeenObject } from './ports';
import { storeContent, type StoredContent, sumContent, type Target } from './store-content';
import type { Dependencies } from './dependencies';
import {
  chunkContent,
  type ContentNotes,
  describeMarkers,
  extendedContent,
  type LoadChunks,
  MissingData,
  newNotes,
} from './trace-content';
import type { TraceDigest } from './trace-digest';

/** @returns undefined when the job has its outcome, or is to be read again. */
export async function storeTrace(
  dependencies: Dependencies,
  { job, trace, look }: FoundTrace,
  load: LoadChunks = loadFrom(dependencies, trace.buildId),
): Promise<Prepared | undefined> {
  switch (look.kind) {
    case 'archive':
      return archive(dependencies, { job, trace, load, replaces: null });
    case 'extend':
      return extend(dependencies, { job, trace, load, replaces: look.artifact });
    case 'beside-gitlab':
      return besideGitlab(
        dependencies,
        { job, trace, load, replaces: look.artifact },
        look.theirKey,
      );
    case 'leave':
      throw new SetAside('leave', look.reason);
    case 'nothing':
      return undefined;
  }
}

interface Task {
  readonly job: Job;
  readonly trace: BuildTrace;
  readonly load: LoadChunks;
  readonly replaces: TraceArtifact | null;
}

const loadFrom =
  ({ chunks }: Dependencies, buildId: number): LoadChunks =>
  (places: readonly Place[]): Promise<ChunkWithData[]> =>
    readChunks(
      chunks,
      places.map((place) => ({ ...place, buildId })),
    );

/** @param seen the object that the job has seen at its key, unless a newer state is known. */
const targetOf = ({ job, trace }: Task, seen = job.seen): Target => ({
  key: job.key,
  seen,
  expectedBytes: (seen?.sizeBytes ?? 0) + placesOf(trace.chunks).length * chunkBytes,
});

/** From the chunks alone. */
async function archive(dependencies: Dependencies, task: Task, effect: Effect = 'archived') {
  const { job, trace, load } = task;
  const places = placesOf(trace.chunks);
  const notes = newNotes();
  try {
    const content = chunkContent(places, load, notes, false);
    const approve = (digest: TraceDigest): void => {
      // Redis may have been set back: then an earlier attempt has stored more than the chunks have now.
      if (digest.sizeBytes < (job.seen?.sizeBytes ?? 0)) throw new MissingData([places.length]);
      approveChecksums(dependencies, task, digest, notes);
    };
    const stored = await storeContent(dependencies.objects, targetOf(task), content, approve);
    return preparedOf(dependencies, task, effect, notes, stored);
  } catch (error) {
    if (!(error instanceof MissingData)) throw error;
    const completed = error.indexes.length > 0 && (await complete(dependencies, task, effect));
    if (completed) return completed;
    await untilGivenUp(dependencies, job, error);
  }
  const left = newNotes();
  const content = chunkContent(places, load, left, true);
  const stored = await storeContent(dependencies.objects, targetOf(task), content, () => undefined);
  job.note = { event: 'trace.archived-with-faults', reason: describeMarkers(left) };
  return preparedOf(dependencies, task, 'partial', left, stored);
}

/** From the object of an earlier attempt, where there is one, which has what the chunks lack. */
async function complete(dependencies: Dependencies, task: Task, effect: Effect) {
  const notes = newNotes();
  const stored = await completeOurObject(dependencies, task, notes, (digest) =>
    approveChecksums(dependencies, task, digest, notes),
  );
  return stored && preparedOf(dependencies, task, effect, notes, stored);
}

/** @throws SetAside until the rest of the data cannot come. */
async function untilGivenUp(
  { missing, clock, rules }: Dependencies,
  { owner, isLastCall }: Job,
  { indexes, misfits }: MissingData,
): Promise<void> {
  if (isLastCall) return;
  const nowMs = clock.nowMs();
  const odd = [...indexes, ...misfits.map(({ index }) => index)].toSorted((a, b) => a - b);
  const since = await missing.note(owner, odd, nowMs);
  if (since && isGivenUp(since, nowMs, rules)) return;
  const [misfit] = misfits;
  if (misfit) throw new SetAside('leave', misfit.reason);
  const missed = `no store has the data of chunks ${indexes.slice(0, 20).join(', ')}`;
  // A read that cannot be remembered does not count towards giving up.
  throw new SetAside('wait', since ? missed : `${missed}, and Redis is full`);
}

function approveChecksums(
  { clock, rules }: Dependencies,
  { job, trace }: Task,
  digest: TraceDigest,
  { chunksDiffer }: ContentNotes,
): void {
  if (digest.sizeBytes > rules.bytesMax && !job.isLastCall) {
    throw new SetAside('leave', 'longer than ARCHIVE_BYTES_MAX');
  }
  const whole = agreement(trace.pending, digest);
  const seen = { whole, chunksDiffer };
  const reason = 'the checksum is not that of the bytes';
  const verdict = judgeChecksums(seen, job.finishedAtMs, clock.nowMs(), rules);
  switch (job.isLastCall && verdict !== 'go' ? 'go-and-tell' : verdict) {
    case 'go':
      return;
    case 'go-and-tell':
      job.note = {
        event: 'trace.archived-with-faults',
        reason: `${reason}, and no more bytes have come`,
      };
      return;
    case 'settle':
      throw new SetAside('settle', reason);
    case 'doubt':
      throw new SetAside('wait', reason);
  }
}

function preparedOf(
  { objects }: Dependencies,
  { job, trace, replaces }: Task,
  effect: Effect,
  { chunks }: ContentNotes,
  content: StoredContent,
): Prepared {
  job.sizeBytes = content.sizeBytes;
  const stored: StoredTrace = {
    buildId: trace.buildId,
    projectId: trace.projectId,
    chunks: trace.chunks,
    key: job.key,
    sizeBytes: content.sizeBytes,
    sha256: content.sha256.toString('hex'),
    md5: content.md5,
    replaces,
    ...(content.isWritten
      ? {}
      : { isStillStored: async () => (await objects.head(job.key))?.etag === content.etag }),
  };
  const writtenEtag = content.isWritten ? content.etag : null;
  return { job, trace, effect, chunks, stored, writtenEtag };
}

/** Our row is committed: bytes of the chunks beyond the object are appended to it. */
async function extend(dependencies: Dependencies, task: Task): Promise<Prepared> {
  const { job, replaces } = task;
  const { objects } = dependencies;
  const seen = await objects.head(job.key);
  const rowBytes = replaces?.sizeBytes ?? 0;
  if (seen === null) return restore(dependencies, task, rowBytes);
  if (seen.sizeBytes < rowBytes) {
    throw new SetAside('leave', 'the archived object is shorter than its row says');
  }
  let digest: TraceDigest;
  try {
    digest = await sumContent(extension(dependencies, task, seen, newNotes()));
  } catch (error) {
    const chunks = error instanceof SetAside && (await findMarkedChunks(dependencies, task, seen));
    if (!chunks) throw error;
    job.sizeBytes = seen.sizeBytes;
    return { job, trace: task.trace, effect: 'partial', chunks, stored: null, writtenEtag: null };
  }
  if (digest.sizeBytes === seen.sizeBytes) return finish(dependencies, task, seen, digest);
  const notes = newNotes();
  const target = targetOf(task, seen);
  const content = extension(dependencies, task, seen, notes);
  const stored = await storeContent(objects, target, content, () => undefined);
  return preparedOf(dependencies, task, 'extended', notes, stored);
}

async function* extension(
  dependencies: Dependencies,
  { job, trace, load }: Task,
  seen: SeenObject,
  notes: ContentNotes,
  key: string = job.key,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    const places = placesOf(trace.chunks);
    yield* extendedContent(dependencies.objects, { key, seen }, places, load, notes);
  } catch (error) {
    if (!(error instanceof MissingData)) throw error;
    throw new SetAside('leave', `no store has the data of chunk ${error.indexes.join(', ')}`);
  }
}

/** The object is complete: only work that an earlier attempt left undone remains. */
async function finish(
  dependencies: Dependencies,
  task: Task,
  seen: SeenObject,
  digest: TraceDigest,
): Promise<Prepared> {
  const { replaces, job, trace } = task;
  const { sha256, md5 } = digest.end();
  const isSameSize = replaces?.sizeBytes === seen.sizeBytes;
  const isSameSum = replaces?.sha256 == null || replaces.sha256 === sha256.toString('hex');
  if (isSameSize && !isSameSum) {
    throw new SetAside('leave', 'the archived object is not what its row says');
  }
  const notes = newNotes();
  await sumContent(extension(dependencies, task, seen, notes));
  if (isSameSize) {
    job.sizeBytes = seen.sizeBytes;
    const { chunks } = notes;
    return { job, trace, effect: 'finished', chunks, stored: null, writtenEtag: null };
  }
  const content = { sizeBytes: seen.sizeBytes, sha256, md5, etag: seen.etag, isWritten: false };
  return preparedOf(dependencies, task, 'extended', notes, content);
}

/** Our row without its object: stored again, provided that the chunks are complete. */
async function restore(
  dependencies: Dependencies,
  task: Task,
  rowBytes: number,
): Promise<Prepared> {
  const { trace, load } = task;
  const notes = newNotes();
  const content = chunkContent(placesOf(trace.chunks), load, notes, false);
  const target = targetOf(task, null);
  try {
    const stored = await storeContent(dependencies.objects, target, content, ({ sizeBytes }) => {
      if (sizeBytes >= rowBytes) return;
      throw new SetAside('leave', 'the archived object is missing, and the chunks are shorter');
    });
    return preparedOf(dependencies, task, 'archived', notes, stored);
  } catch (error) {
    if (!(error instanceof MissingData)) throw error;
    throw new SetAside('leave', 'the archived object is missing, and chunk data too');
  }
}

/** GitLab commits its row before it uploads: the row alone proves nothing. */
async function besideGitlab(
  dependencies: Dependencies,
  task: Task,
  theirKey: string,
): Promise<Prepared | undefined> {
  const { job, replaces } = task;
  const seen = await dependencies.objects.head(theirKey);
  const isLost = seen === null && (replaces?.ageMs ?? 0) >= dependencies.rules.adoptAfterMs;
  if (isLost) return archive(dependencies, task, 'adopted');
  if (seen === null) throw new SetAside('wait', 'GitLab has its row, but not yet its object');
  const digest = await sumContent(extension(dependencies, task, seen, newNotes(), theirKey));
  if (digest.sizeBytes > seen.sizeBytes) {
    throw new SetAside('leave', 'the object of GitLab’s row is shorter than the trace');
  }
  // Theirs holds everything that the chunks have, and no row will claim ours.
  await dropOurObject(dependencies, job, { sizeMax: seen.sizeBytes });
  job.outcome = skip('archived by GitLab');
  return undefined;
}
