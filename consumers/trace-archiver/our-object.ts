/**
 * The object that an earlier attempt stored and no row claims: removed where it is not needed, completed where chunk data
 * is missing, since then it may be the only copy.
 */
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import type { BuildTrace } from '../../lib/gitlab/trace-rows';
import { placesOf } from './decide';
import type { Dependencies } from './dependencies';
import { type Job, SetAside } from './job';
import { storeContent, type StoredContent, sumContent } from './store-content';
import { type ContentNotes, extendedContent, type LoadChunks, MissingData } from './trace-content';
import type { TraceDigest } from './trace-digest';

interface Known {
  /** Of the object that may go; by default the present one. */
  readonly etag?: string;
  /** Of GitLab's object, where there is one: a longer one of ours has bytes that GitLab's lacks. */
  readonly sizeMax?: number;
}

/**
 * Nothing is removed when a missing row proves nothing, or a committed row claims the object.
 * @throws SetAside when it is longer than `sizeMax`.
 */
export async function dropOurObject(
  { rows, objects }: Pick<Dependencies, 'rows' | 'objects'>,
  { owner, key, absenceProves }: Job,
  { etag, sizeMax = Infinity }: Known = {},
): Promise<void> {
  if (!absenceProves) return;
  const present = etag === undefined ? await objects.head(key) : { etag, sizeBytes: 0 };
  if (present === null) return;
  if (present.sizeBytes > sizeMax) {
    throw new SetAside('leave', `${key}, which no row names, is longer than GitLab’s object`);
  }
  await rows.dropUnclaimed(owner, key, async () => {
    await objects.removeIf(key, present.etag);
  });
}

interface Incomplete {
  readonly job: Job;
  readonly trace: BuildTrace;
  readonly load: LoadChunks;
}

/**
 * For a trace whose chunk data is missing: compares the object with the chunks that are left, and appends what they have
 * beyond its end.
 * @param approve throws when the content as a whole does not count yet.
 * @returns undefined where there is no object.
 * @throws SetAside when the two disagree, or data beyond the object's end is missing; the object stays in any case.
 */
export async function completeOurObject(
  { objects }: Pick<Dependencies, 'objects'>,
  { job, trace, load }: Incomplete,
  notes: ContentNotes,
  approve: (digest: TraceDigest) => void,
): Promise<StoredContent | undefined> {
  const { key } = job;
  const seen = (job.seen = await objects.head(key));
  if (seen === null) return undefined;
  job.keepsObject = true;
  const content = (into: ContentNotes) =>
    extendedContent(objects, { key, seen }, placesOf(trace.chunks), load, into);
  try {
    const digest = await sumContent(content(notes));
    approve(digest);
    const { sizeBytes } = digest;
    if (sizeBytes === seen.sizeBytes) {
      const { sha256, md5 } = digest.end();
      return { sizeBytes, sha256, md5, etag: seen.etag, isWritten: false };
    }
    const target = { key, seen, expectedBytes: sizeBytes + chunkBytes };
    notes.chunks.length = 0;
    return await storeContent(objects, target, content(notes), approve);
  } catch (error) {
    if (!(error instanceof MissingData)) throw error;
    const missing = error.indexes.join(', ');
    throw new SetAside(
      'leave',
      `no store has the data of chunk ${missing}, and the object of an earlier attempt ends before it`,
    );
  }
}
